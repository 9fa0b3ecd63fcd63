ALTER TABLE "rooms" ADD COLUMN "request_key" text;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "request_hash" "bytea";--> statement-breakpoint
ALTER TABLE "rooms" ADD CONSTRAINT "rooms_request_key_unique" UNIQUE("request_key");