CREATE TABLE "file_shares" (
	"file_id" text NOT NULL,
	"home_room_id" text NOT NULL,
	"room_id" text NOT NULL,
	CONSTRAINT "file_shares_file_id_home_room_id_room_id_pk" PRIMARY KEY("file_id","home_room_id","room_id")
);
--> statement-breakpoint
DROP INDEX "events_edits";--> statement-breakpoint
ALTER TABLE "file_shares" ADD CONSTRAINT "file_shares_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "file_shares_by_room" ON "file_shares" USING btree ("room_id","file_id");--> statement-breakpoint
CREATE INDEX "events_changes" ON "events" USING btree ("room_id",(("data" ->> 'messageSeq')::bigint)) WHERE "events"."type" in ('message.edited', 'message.deleted');