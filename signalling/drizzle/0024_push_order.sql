DROP INDEX "push_queue_due";--> statement-breakpoint
CREATE INDEX "push_queue_due" ON "push_queue" USING btree ("kind","urgent" DESC NULLS LAST,"due_at");