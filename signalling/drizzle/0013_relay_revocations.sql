CREATE TABLE "relay_revocations" (
	"user_id" text PRIMARY KEY NOT NULL,
	"expiry" bigint NOT NULL
);
