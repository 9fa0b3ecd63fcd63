CREATE TABLE "breakout_users" (
	"parent_id" text NOT NULL,
	"user_id" text NOT NULL,
	"room_id" text NOT NULL,
	CONSTRAINT "breakout_users_parent_id_user_id_pk" PRIMARY KEY("parent_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "breakouts" (
	"room_id" text PRIMARY KEY NOT NULL,
	"parent_id" text NOT NULL,
	"place" integer NOT NULL,
	"title" text NOT NULL,
	"ends_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "lobby" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "default_call_role" text DEFAULT 'speaker' NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "parent_id" text;--> statement-breakpoint
ALTER TABLE "breakout_users" ADD CONSTRAINT "breakout_users_parent_id_rooms_id_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "breakout_users" ADD CONSTRAINT "breakout_users_room_id_breakouts_room_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."breakouts"("room_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "breakouts" ADD CONSTRAINT "breakouts_parent_id_rooms_id_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "breakouts_by_parent" ON "breakouts" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "breakouts_due" ON "breakouts" USING btree ("ends_at") WHERE "breakouts"."ends_at" is not null;