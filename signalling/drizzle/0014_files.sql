CREATE TABLE "loose_files" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"file_id" text NOT NULL,
	"home_room_id" text NOT NULL,
	"since" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "message_files" (
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"file_id" text NOT NULL,
	CONSTRAINT "message_files_room_id_seq_file_id_pk" PRIMARY KEY("room_id","seq","file_id")
);
--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "avatar" text;--> statement-breakpoint
ALTER TABLE "message_files" ADD CONSTRAINT "message_files_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "loose_files_due" ON "loose_files" USING btree ("since");--> statement-breakpoint
CREATE INDEX "message_files_by_file" ON "message_files" USING btree ("file_id");--> statement-breakpoint
-- Which files messages name that were sent before this was kept.
INSERT INTO "message_files" ("room_id", "seq", "file_id")
SELECT said.room_id, said.seq, part ->> 'fileId'
FROM "messages" said
JOIN "rooms" ON rooms.id = said.room_id
JOIN "events" ON events.room_id = said.room_id AND events.seq = said.content_seq
CROSS JOIN LATERAL json_array_elements(events.data -> 'parts') part
WHERE said.deleted_at IS NULL AND strpos(events.data::text, '"fileId"') > 0 AND part ->> 'fileId' IS NOT NULL
ON CONFLICT DO NOTHING;
