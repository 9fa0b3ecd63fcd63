ALTER TABLE "events" DROP CONSTRAINT "events_room_id_rooms_id_fk";
--> statement-breakpoint
ALTER TABLE "messages" DROP CONSTRAINT "messages_room_id_rooms_id_fk";
