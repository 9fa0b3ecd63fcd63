CREATE TABLE "blocks" (
	"user_id" text NOT NULL,
	"blocked_id" text NOT NULL,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "blocks_user_id_blocked_id_pk" PRIMARY KEY("user_id","blocked_id")
);
--> statement-breakpoint
CREATE TABLE "departures" (
	"user_id" text NOT NULL,
	"room_id" text NOT NULL,
	"tx" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "departures_user_id_room_id_pk" PRIMARY KEY("user_id","room_id")
);
--> statement-breakpoint
CREATE TABLE "mentions" (
	"room_id" text NOT NULL,
	"user_id" text NOT NULL,
	"seq" bigint NOT NULL,
	CONSTRAINT "mentions_room_id_user_id_seq_pk" PRIMARY KEY("room_id","user_id","seq")
);
--> statement-breakpoint
CREATE TABLE "messages" (
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"sender" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"thread_of" bigint,
	"counts" boolean NOT NULL,
	"content_seq" bigint NOT NULL,
	"edited_at" timestamp (3) with time zone,
	"deleted_at" timestamp (3) with time zone,
	"pinned_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone,
	"thread_count" integer DEFAULT 0 NOT NULL,
	"thread_last_seq" bigint,
	CONSTRAINT "messages_room_id_seq_pk" PRIMARY KEY("room_id","seq")
);
--> statement-breakpoint
CREATE TABLE "node_values" (
	"room_id" text NOT NULL,
	"node" text NOT NULL,
	"sender" text NOT NULL,
	"seq" bigint NOT NULL,
	CONSTRAINT "node_values_room_id_node_sender_pk" PRIMARY KEY("room_id","node","sender")
);
--> statement-breakpoint
CREATE TABLE "reactions" (
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"user_id" text NOT NULL,
	"reaction" text NOT NULL,
	"added_seq" bigint NOT NULL,
	CONSTRAINT "reactions_room_id_seq_user_id_reaction_pk" PRIMARY KEY("room_id","seq","user_id","reaction")
);
--> statement-breakpoint
CREATE TABLE "scheduled_messages" (
	"id" text PRIMARY KEY NOT NULL,
	"room_id" text NOT NULL,
	"sender" text NOT NULL,
	"client_id" text NOT NULL,
	"send_at" timestamp (3) with time zone NOT NULL,
	"content" json NOT NULL,
	"failed" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
DROP INDEX "events_messages";--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "tx" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "pending" text;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "offered" text;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "ban_reason" text;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "ban_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "banned_by" text;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "tx" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "number" bigserial NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "description" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "avatar" text;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "access" text DEFAULT 'invite' NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "default_role" text DEFAULT 'publisher' NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "retention_days" integer;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "archived_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "member_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "first_seq" bigint DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "last_message_seq" bigint;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "last_message_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "tx" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "dnd" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "custom_status" json;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "hidden" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "last_seen_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_blocked_id_users_id_fk" FOREIGN KEY ("blocked_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mentions" ADD CONSTRAINT "mentions_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_values" ADD CONSTRAINT "node_values_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reactions" ADD CONSTRAINT "reactions_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "scheduled_messages" ADD CONSTRAINT "scheduled_messages_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "blocks_by_blocked" ON "blocks" USING btree ("blocked_id");--> statement-breakpoint
CREATE INDEX "messages_counted" ON "messages" USING btree ("room_id","seq","sender") WHERE "messages"."counts";--> statement-breakpoint
CREATE INDEX "messages_in_thread" ON "messages" USING btree ("room_id","thread_of","seq") WHERE "messages"."thread_of" is not null;--> statement-breakpoint
CREATE INDEX "messages_pinned" ON "messages" USING btree ("room_id","pinned_at") WHERE "messages"."pinned_at" is not null;--> statement-breakpoint
CREATE INDEX "messages_expiring" ON "messages" USING btree ("expires_at") WHERE "messages"."expires_at" is not null and "messages"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "messages_by_sender" ON "messages" USING btree ("sender");--> statement-breakpoint
CREATE UNIQUE INDEX "scheduled_by_client_id" ON "scheduled_messages" USING btree ("room_id","sender","client_id");--> statement-breakpoint
CREATE INDEX "scheduled_due" ON "scheduled_messages" USING btree ("send_at") WHERE "scheduled_messages"."failed" is null;--> statement-breakpoint
CREATE INDEX "scheduled_by_sender" ON "scheduled_messages" USING btree ("sender");--> statement-breakpoint
CREATE INDEX "events_nodes" ON "events" USING btree ("room_id",("data" ->> 'node'),"seq") WHERE "events"."type" = 'node.published';--> statement-breakpoint
CREATE INDEX "events_edits" ON "events" USING btree ("room_id",(("data" ->> 'messageSeq')::bigint)) WHERE "events"."type" = 'message.edited';--> statement-breakpoint
ALTER TABLE "rooms" ADD CONSTRAINT "rooms_number_unique" UNIQUE("number");--> statement-breakpoint
-- What earlier versions wrote, brought into the new tables.
UPDATE "rooms" SET "default_role" = 'member' WHERE "kind" = 'channel';--> statement-breakpoint
UPDATE "rooms" SET "member_count" = (SELECT count(*) FROM "members" WHERE "room_id" = "rooms"."id" AND "role" NOT IN ('pending', 'banned'));--> statement-breakpoint
INSERT INTO "messages" ("room_id", "seq", "sender", "at", "counts", "content_seq") SELECT "room_id", "seq", coalesce("sender", ''), "at", true, "seq" FROM "events" WHERE "type" = 'message.created';--> statement-breakpoint
UPDATE "rooms" SET "last_message_seq" = m."seq", "last_message_at" = m."at" FROM (SELECT DISTINCT ON ("room_id") "room_id", "seq", "at" FROM "messages" ORDER BY "room_id", "seq" DESC) m WHERE m."room_id" = "rooms"."id";
