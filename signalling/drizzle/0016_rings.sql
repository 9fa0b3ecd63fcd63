CREATE TABLE "call_users" (
	"room_id" text NOT NULL,
	"call_id" text NOT NULL,
	"user_id" text NOT NULL,
	CONSTRAINT "call_users_call_id_user_id_pk" PRIMARY KEY("call_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "ring_targets" (
	"ring_id" text NOT NULL,
	"room_id" text NOT NULL,
	"user_id" text NOT NULL,
	"state" text NOT NULL,
	"missed_seq" bigint,
	CONSTRAINT "ring_targets_ring_id_user_id_pk" PRIMARY KEY("ring_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "rings" (
	"id" text PRIMARY KEY NOT NULL,
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"last_seq" bigint NOT NULL,
	"from_id" text NOT NULL,
	"media" text NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"cancelled" boolean DEFAULT false NOT NULL,
	"call_id" text,
	"tx" "xid8" DEFAULT pg_current_xact_id() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "calls" ADD COLUMN "duration_ms" bigint;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "last_call_seq" bigint;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "last_call_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "call_waiting" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "call_users" ADD CONSTRAINT "call_users_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ring_targets" ADD CONSTRAINT "ring_targets_ring_id_rings_id_fk" FOREIGN KEY ("ring_id") REFERENCES "public"."rings"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rings" ADD CONSTRAINT "rings_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "call_users_by_room" ON "call_users" USING btree ("room_id");--> statement-breakpoint
CREATE INDEX "ring_targets_ringing" ON "ring_targets" USING btree ("user_id") WHERE "ring_targets"."state" = 'ringing';--> statement-breakpoint
CREATE INDEX "ring_targets_missed" ON "ring_targets" USING btree ("user_id","room_id","missed_seq") WHERE "ring_targets"."missed_seq" is not null;--> statement-breakpoint
CREATE INDEX "rings_by_room" ON "rings" USING btree ("room_id");--> statement-breakpoint
CREATE INDEX "rings_by_call" ON "rings" USING btree ("call_id") WHERE "rings"."call_id" is not null;--> statement-breakpoint
CREATE INDEX "rings_without_call" ON "rings" USING btree ("room_id","started_at","id") WHERE "rings"."call_id" is null;--> statement-breakpoint
CREATE INDEX "rings_open_in_room" ON "rings" USING btree ("room_id") WHERE "rings"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "rings_open" ON "rings" USING btree ("expires_at") WHERE "rings"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "calls_by_room" ON "calls" USING btree ("room_id","started_at","id");