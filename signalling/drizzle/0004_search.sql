CREATE TABLE "message_search" (
	"room_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"part" smallint NOT NULL,
	"content_seq" bigint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"vector" "tsvector" NOT NULL,
	CONSTRAINT "message_search_room_id_seq_part_pk" PRIMARY KEY("room_id","seq","part")
);
--> statement-breakpoint
CREATE TABLE "room_search" (
	"room_id" text PRIMARY KEY NOT NULL,
	"indexed_seq" bigint DEFAULT 0 NOT NULL,
	"vector" "tsvector" NOT NULL,
	"listed" boolean NOT NULL
);
--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "named_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "words" "tsvector";--> statement-breakpoint
ALTER TABLE "message_search" ADD CONSTRAINT "message_search_message_fk" FOREIGN KEY ("room_id","seq") REFERENCES "public"."messages"("room_id","seq") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "room_search" ADD CONSTRAINT "room_search_room_id_rooms_id_fk" FOREIGN KEY ("room_id") REFERENCES "public"."rooms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "message_search_words" ON "message_search" USING gin ("vector") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "room_search_listed" ON "room_search" USING gin ("vector") WITH (fastupdate=false) WHERE "room_search"."listed";