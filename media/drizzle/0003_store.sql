CREATE TABLE "media_store" (
	"is_only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"id" text NOT NULL,
	"is_marked" boolean DEFAULT false NOT NULL,
	CONSTRAINT "media_store_only" CHECK ("media_store"."is_only")
);
