CREATE TABLE "avatars" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"is_current" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "file_contents" (
	"id" text PRIMARY KEY NOT NULL,
	"room_id" text NOT NULL,
	"sha256" text NOT NULL,
	"size" bigint NOT NULL,
	"mime" text NOT NULL,
	"state" text NOT NULL,
	"reason" text,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"derivatives" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "uploads" (
	"id" text PRIMARY KEY NOT NULL,
	"room_id" text NOT NULL,
	"uploader" text NOT NULL,
	"name" text NOT NULL,
	"size" bigint,
	"is_part" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
DROP INDEX "files_unfinished";--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "state" SET DEFAULT 'arrived';--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "content_id" text;--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "is_told" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "avatars_owner" ON "avatars" USING btree ("owner");--> statement-breakpoint
CREATE INDEX "avatars_unused" ON "avatars" USING btree ("created_at") WHERE not "avatars"."is_current";--> statement-breakpoint
CREATE UNIQUE INDEX "file_contents_bytes" ON "file_contents" USING btree ("room_id","sha256") WHERE "file_contents"."state" <> 'deleting';--> statement-breakpoint
CREATE INDEX "file_contents_unfinished" ON "file_contents" USING btree ("created_at") WHERE "file_contents"."state" in ('arriving', 'processing', 'deleting');--> statement-breakpoint
CREATE INDEX "uploads_uploader" ON "uploads" USING btree ("uploader");--> statement-breakpoint
CREATE INDEX "uploads_expiry" ON "uploads" USING btree ("expires_at");--> statement-breakpoint
-- Files from before contents: each has the objects that were its own, under its own id, and what is made of it is made anew.
-- Of the same bytes twice in a room one stays; the others' objects are taken away.
INSERT INTO "file_contents" ("id", "room_id", "sha256", "size", "mime", "state", "created_at")
SELECT "id", "room_id", "sha256", "size", "mime",
	CASE WHEN "state" = 'ready' AND row_number() OVER (PARTITION BY "room_id", "sha256", "state" ORDER BY "created_at", "id") = 1 THEN 'processing' ELSE 'deleting' END,
	"created_at"
FROM "files";--> statement-breakpoint
DELETE FROM "files" WHERE "state" <> 'ready';--> statement-breakpoint
UPDATE "files" SET "state" = 'arrived', "is_told" = true, "content_id" = kept."id"
FROM "file_contents" kept
WHERE kept."room_id" = "files"."room_id" AND kept."sha256" = "files"."sha256" AND kept."state" = 'processing';--> statement-breakpoint
ALTER TABLE "files" ADD CONSTRAINT "files_content_id_file_contents_id_fk" FOREIGN KEY ("content_id") REFERENCES "public"."file_contents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "files_content" ON "files" USING btree ("content_id");--> statement-breakpoint
CREATE INDEX "files_uploader" ON "files" USING btree ("uploader");--> statement-breakpoint
CREATE INDEX "files_unfinished" ON "files" USING btree ("created_at") WHERE "files"."content_id" is null or "files"."state" = 'deleting' or not "files"."is_told";--> statement-breakpoint
ALTER TABLE "files" DROP COLUMN "sha256";--> statement-breakpoint
ALTER TABLE "files" DROP COLUMN "width";--> statement-breakpoint
ALTER TABLE "files" DROP COLUMN "height";--> statement-breakpoint
ALTER TABLE "files" DROP COLUMN "thumbnail";