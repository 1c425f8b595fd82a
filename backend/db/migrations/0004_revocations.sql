CREATE TABLE "revocations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
DROP INDEX "sessions_revoked";--> statement-breakpoint
CREATE INDEX "revocations_age" ON "revocations" USING btree ("created_at");