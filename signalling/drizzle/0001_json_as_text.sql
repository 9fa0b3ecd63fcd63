ALTER TABLE "events" ALTER COLUMN "data" SET DATA TYPE json;--> statement-breakpoint
ALTER TABLE "rooms" ALTER COLUMN "metadata" SET DATA TYPE json;