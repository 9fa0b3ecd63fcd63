CREATE TABLE "notification_levels" (
	"user_id" text NOT NULL,
	"room_id" text NOT NULL,
	"level" text NOT NULL,
	"until" timestamp (3) with time zone,
	CONSTRAINT "notification_levels_user_id_room_id_pk" PRIMARY KEY("user_id","room_id")
);
--> statement-breakpoint
CREATE TABLE "notification_settings" (
	"user_id" text PRIMARY KEY NOT NULL,
	"quiet_hours" json,
	"when_away" boolean,
	"digest_minutes" integer
);
--> statement-breakpoint
CREATE TABLE "push_cursor" (
	"id" integer PRIMARY KEY NOT NULL,
	"cursor" text NOT NULL,
	"cursor_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "push_devices" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"kind" text NOT NULL,
	"is_voip" boolean DEFAULT false NOT NULL,
	"hash" "bytea" NOT NULL,
	"sealed" "bytea" NOT NULL,
	"name" text,
	"locale" text,
	"content" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"seen_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"pushed_at" timestamp (3) with time zone,
	CONSTRAINT "push_devices_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "push_queue" (
	"n" bigserial PRIMARY KEY NOT NULL,
	"device_id" text NOT NULL,
	"kind" text NOT NULL,
	"tag" text NOT NULL,
	"type" text NOT NULL,
	"room_id" text,
	"seq" bigint NOT NULL,
	"urgent" boolean NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"first_attempt_at" timestamp (3) with time zone,
	"claimed_until" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "push_templates" (
	"type" text NOT NULL,
	"locale" text NOT NULL,
	"title" text NOT NULL,
	"body" text NOT NULL,
	CONSTRAINT "push_templates_type_locale_pk" PRIMARY KEY("type","locale")
);
--> statement-breakpoint
ALTER TABLE "notification_levels" ADD CONSTRAINT "notification_levels_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notification_levels" ADD CONSTRAINT "notification_levels_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notification_settings" ADD CONSTRAINT "notification_settings_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "push_devices" ADD CONSTRAINT "push_devices_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "push_queue" ADD CONSTRAINT "push_queue_device_id_push_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."push_devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "push_queue" ADD CONSTRAINT "push_queue_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "notification_levels_by_room" ON "notification_levels" USING btree ("room_id");--> statement-breakpoint
CREATE INDEX "push_devices_by_user" ON "push_devices" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "push_queue_by_tag" ON "push_queue" USING btree ("device_id","tag");--> statement-breakpoint
CREATE INDEX "push_queue_due" ON "push_queue" USING btree ("kind","due_at");--> statement-breakpoint
CREATE INDEX "push_queue_by_room" ON "push_queue" USING btree ("room_id");