ALTER TABLE "files" ADD COLUMN "parts" text[];--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "parts" text[];