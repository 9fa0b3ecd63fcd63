ALTER TABLE "uploads" ALTER COLUMN "room_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "uploads" ALTER COLUMN "name" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "reserved" bigint NOT NULL;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "unchecked_from" bigint;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "request_key" text;--> statement-breakpoint
CREATE UNIQUE INDEX "uploads_request_key" ON "uploads" USING btree ("uploader","request_key");