CREATE TABLE "deleted_users" (
	"hash" "bytea" PRIMARY KEY NOT NULL,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "job_parts" (
	"job_id" text NOT NULL,
	"n" integer NOT NULL,
	"start" bigint NOT NULL,
	"size" integer NOT NULL,
	CONSTRAINT "job_parts_job_id_n_pk" PRIMARY KEY("job_id","n")
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"caller" text NOT NULL,
	"room_id" text,
	"user_id" text,
	"options" json NOT NULL,
	"state" text NOT NULL,
	"done" bigint DEFAULT 0 NOT NULL,
	"total" bigint DEFAULT 0 NOT NULL,
	"detail" text NOT NULL,
	"checkpoint" json,
	"claim" text,
	"request_key" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone,
	CONSTRAINT "jobs_request_key_unique" UNIQUE("request_key")
);
--> statement-breakpoint
ALTER TABLE "job_parts" ADD CONSTRAINT "job_parts_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "jobs_unfinished" ON "jobs" USING btree ("caller") WHERE "jobs"."state" in ('receiving', 'waiting', 'running');--> statement-breakpoint
CREATE INDEX "jobs_by_user" ON "jobs" USING btree ("user_id");