CREATE TABLE "bot_feed" (
	"id" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"cursor" text
);
--> statement-breakpoint
CREATE TABLE "bot_lanes" (
	"bot_id" text NOT NULL,
	"room_id" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"first_attempt_at" timestamp (3) with time zone,
	"retry_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"holder" text,
	"held_until" timestamp (3) with time zone,
	CONSTRAINT "bot_lanes_bot_id_room_id_pk" PRIMARY KEY("bot_id","room_id")
);
--> statement-breakpoint
CREATE TABLE "bot_messages" (
	"bot_id" text NOT NULL,
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	CONSTRAINT "bot_messages_bot_id_room_id_seq_pk" PRIMARY KEY("bot_id","room_id","seq")
);
--> statement-breakpoint
CREATE TABLE "bots" (
	"user_id" text PRIMARY KEY NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"token_number" bigint NOT NULL,
	"secret_number" bigint NOT NULL,
	"previous_until" timestamp (3) with time zone,
	"url" text,
	"hears" text NOT NULL,
	"commands" json DEFAULT '[]'::json NOT NULL,
	"request_key" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"problem" text,
	"problem_at" timestamp (3) with time zone,
	CONSTRAINT "bots_token_hash_unique" UNIQUE("token_hash"),
	CONSTRAINT "bots_request_key_unique" UNIQUE("request_key")
);
--> statement-breakpoint
CREATE TABLE "incoming_hooks" (
	"id" text PRIMARY KEY NOT NULL,
	"room_id" text NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"token_number" bigint NOT NULL,
	"signed" boolean NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "incoming_hooks_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
ALTER TABLE "bot_lanes" ADD CONSTRAINT "bot_lanes_bot_id_bots_user_id_fk" FOREIGN KEY ("bot_id") REFERENCES "public"."bots"("user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bot_lanes" ADD CONSTRAINT "bot_lanes_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bot_messages" ADD CONSTRAINT "bot_messages_bot_id_bots_user_id_fk" FOREIGN KEY ("bot_id") REFERENCES "public"."bots"("user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bot_messages" ADD CONSTRAINT "bot_messages_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bots" ADD CONSTRAINT "bots_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incoming_hooks" ADD CONSTRAINT "incoming_hooks_id_users_id_fk" FOREIGN KEY ("id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incoming_hooks" ADD CONSTRAINT "incoming_hooks_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bot_lanes_due" ON "bot_lanes" USING btree ("retry_at");--> statement-breakpoint
CREATE INDEX "incoming_hooks_by_room" ON "incoming_hooks" USING btree ("room_id");