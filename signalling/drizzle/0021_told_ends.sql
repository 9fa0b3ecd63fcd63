CREATE TABLE "deleted_rooms" (
	"number" bigint PRIMARY KEY NOT NULL,
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"sender" text,
	"at" timestamp (3) with time zone NOT NULL,
	"tx" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"kind" text NOT NULL,
	"title" text NOT NULL,
	"metadata" json NOT NULL
);
--> statement-breakpoint
CREATE TABLE "event_sinks" (
	"name" text PRIMARY KEY NOT NULL,
	"cursor" text NOT NULL,
	"cursor_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "webhook_dead_letters" DROP CONSTRAINT "webhook_dead_letters_room_id_rooms_id_fk";
--> statement-breakpoint
ALTER TABLE "webhook_lanes" DROP CONSTRAINT "webhook_lanes_room_id_rooms_id_fk";
--> statement-breakpoint
ALTER TABLE "webhook_lanes" DROP CONSTRAINT "webhook_lanes_webhook_id_room_id_pk";--> statement-breakpoint
ALTER TABLE "webhook_lanes" ADD COLUMN "number" bigint;--> statement-breakpoint
UPDATE "webhook_lanes" SET "number" = "rooms"."number" FROM "rooms" WHERE "rooms"."id" = "room_id";--> statement-breakpoint
ALTER TABLE "webhook_lanes" ALTER COLUMN "number" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_lanes" ADD CONSTRAINT "webhook_lanes_webhook_id_number_pk" PRIMARY KEY("webhook_id","number");--> statement-breakpoint
ALTER TABLE "webhook_dead_letters" ADD COLUMN "number" bigint;--> statement-breakpoint
UPDATE "webhook_dead_letters" SET "number" = "rooms"."number" FROM "rooms" WHERE "rooms"."id" = "room_id";--> statement-breakpoint
ALTER TABLE "webhook_dead_letters" ALTER COLUMN "number" SET NOT NULL;--> statement-breakpoint
DELETE FROM "webhook_dead_letters" earlier USING "webhook_dead_letters" later
  WHERE later."webhook_id" = earlier."webhook_id" AND later."number" = earlier."number" AND later."seq" = earlier."seq" AND later."n" > earlier."n";--> statement-breakpoint
CREATE INDEX "deleted_rooms_by_id" ON "deleted_rooms" USING btree ("room_id","number" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "deleted_rooms_by_tx" ON "deleted_rooms" USING btree ((("tx"::text)::bigint));--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_dead_letters_once" ON "webhook_dead_letters" USING btree ("webhook_id","number","seq");--> statement-breakpoint
-- Cursors name rooms by their number; those that named one by its id go back to the beginning of its transaction.
UPDATE "webhooks" SET "cursor" = rtrim(translate(replace(encode(convert_to(jsonb_set(
  convert_from(decode(rpad(translate("cursor", '-_', '+/'), (length("cursor") + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb,
  '{2}', '"0"')::text, 'UTF8'), 'base64'), chr(10), ''), '+/', '-_'), '=');
