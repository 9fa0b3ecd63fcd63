ALTER TABLE "message_search" DROP CONSTRAINT "message_search_message_fk";
