ALTER TABLE "message_files" ADD COLUMN "place" smallint;--> statement-breakpoint
ALTER TABLE "message_files" ADD COLUMN "kind" text;--> statement-breakpoint
-- What messages said of the files that they name, before the server itself did.
UPDATE "message_files" SET "place" = said.place - 1, "kind" = CASE
  WHEN said.mime LIKE 'image/%' THEN 'picture'
  WHEN said.mime LIKE 'video/%' THEN 'video'
  WHEN said.mime LIKE 'audio/%' THEN 'audio'
  WHEN said.mime ~ '^(text/|application/(pdf|rtf|msword|epub\+zip|vnd\.(ms-(excel|powerpoint|word)|openxmlformats-officedocument|oasis\.opendocument)))' THEN 'document'
  ELSE 'other' END
FROM (
  SELECT named.room_id, named.seq, named.file_id, min(part.place) AS place, min(part.value ->> 'mime') AS mime
  FROM "message_files" named
  JOIN "messages" ON messages.room_id = named.room_id AND messages.seq = named.seq
  JOIN "events" ON events.room_id = messages.room_id AND events.seq = messages.content_seq
  CROSS JOIN LATERAL json_array_elements(events.data -> 'parts') WITH ORDINALITY part (value, place)
  WHERE part.value ->> 'fileId' = named.file_id
  GROUP BY named.room_id, named.seq, named.file_id
) said
WHERE message_files.room_id = said.room_id AND message_files.seq = said.seq AND message_files.file_id = said.file_id;--> statement-breakpoint
UPDATE "message_files" SET "kind" = CASE
  WHEN events.type = 'file.failed' THEN 'other'
  WHEN events.data ->> 'mime' LIKE 'image/%' THEN 'picture'
  WHEN events.data ->> 'mime' LIKE 'video/%' THEN 'video'
  WHEN events.data ->> 'mime' LIKE 'audio/%' THEN 'audio'
  WHEN events.data ->> 'mime' = 'application/pdf' THEN 'document'
  ELSE "kind" END
FROM "events"
WHERE events.room_id = message_files.room_id AND events.type IN ('file.ready', 'file.failed')
  AND events.data ->> 'fileId' = message_files.file_id;--> statement-breakpoint
-- Messages that name a file which was deleted stay, but there is nothing to list.
DELETE FROM "message_files" USING "events"
WHERE events.room_id = message_files.room_id AND events.type = 'file.deleted'
  AND events.data ->> 'fileId' = message_files.file_id;--> statement-breakpoint
DELETE FROM "message_files" WHERE "place" IS NULL;--> statement-breakpoint
ALTER TABLE "message_files" ALTER COLUMN "place" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "message_files" ALTER COLUMN "kind" SET NOT NULL;--> statement-breakpoint
CREATE INDEX "message_files_by_kind" ON "message_files" USING btree ("room_id","kind","seq");
