CREATE TABLE "recordings" (
	"id" text PRIMARY KEY NOT NULL,
	"room_id" text NOT NULL,
	"call_id" text NOT NULL,
	"user_id" text NOT NULL,
	"layout" text NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"problem" text,
	"ordered_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "recordings" ADD CONSTRAINT "recordings_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "recordings_by_room" ON "recordings" USING btree ("room_id");--> statement-breakpoint
CREATE INDEX "recordings_by_user" ON "recordings" USING btree ("user_id");