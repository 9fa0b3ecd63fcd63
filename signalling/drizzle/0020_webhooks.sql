CREATE TABLE "webhook_attempts" (
	"n" bigserial PRIMARY KEY NOT NULL,
	"webhook_id" text NOT NULL,
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"event_id" text NOT NULL,
	"url" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"latency_ms" integer NOT NULL,
	"status" integer,
	"answer" text,
	"problem" text
);
--> statement-breakpoint
CREATE TABLE "webhook_dead_letters" (
	"n" bigserial PRIMARY KEY NOT NULL,
	"webhook_id" text NOT NULL,
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"attempts" integer NOT NULL,
	"first_attempt_at" timestamp (3) with time zone NOT NULL,
	"gave_up_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"problem" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhook_lanes" (
	"webhook_id" text NOT NULL,
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"until" bigint NOT NULL,
	"attempts" integer NOT NULL,
	"first_attempt_at" timestamp (3) with time zone,
	"retry_at" timestamp (3) with time zone NOT NULL,
	"problem" text,
	CONSTRAINT "webhook_lanes_webhook_id_room_id_pk" PRIMARY KEY("webhook_id","room_id")
);
--> statement-breakpoint
CREATE TABLE "webhooks" (
	"id" text PRIMARY KEY NOT NULL,
	"url" text NOT NULL,
	"description" text,
	"types" json,
	"room_ids" json,
	"metadata" json,
	"sealed_secret" "bytea" NOT NULL,
	"sealed_previous" "bytea",
	"previous_until" timestamp (3) with time zone,
	"paused" boolean DEFAULT false NOT NULL,
	"cursor" text NOT NULL,
	"cursor_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"failing_since" timestamp (3) with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"retry_at" timestamp (3) with time zone,
	"problem" text,
	"holder" text,
	"held_until" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "webhook_attempts" ADD CONSTRAINT "webhook_attempts_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_dead_letters" ADD CONSTRAINT "webhook_dead_letters_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_dead_letters" ADD CONSTRAINT "webhook_dead_letters_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_lanes" ADD CONSTRAINT "webhook_lanes_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_lanes" ADD CONSTRAINT "webhook_lanes_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_attempts_latest" ON "webhook_attempts" USING btree ("webhook_id","n" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "webhook_dead_letters_latest" ON "webhook_dead_letters" USING btree ("webhook_id","n" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "events_by_tx" ON "events" USING brin ((("tx"::text)::bigint),"at") WITH (pages_per_range=16,autosummarize=true);