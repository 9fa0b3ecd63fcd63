CREATE TABLE "live_call_users" (
	"room_id" text NOT NULL,
	"call_id" text NOT NULL,
	"user_id" text NOT NULL,
	CONSTRAINT "live_call_users_call_id_user_id_pk" PRIMARY KEY("call_id","user_id")
);
--> statement-breakpoint
ALTER TABLE "live_call_users" ADD CONSTRAINT "live_call_users_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "live_call_users_by_room" ON "live_call_users" USING btree ("room_id");