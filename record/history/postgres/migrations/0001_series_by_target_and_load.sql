ALTER TABLE "vigil_history"."runs" ADD COLUMN "target" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "vigil_history"."runs" ADD COLUMN "load" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "vigil_history"."series" ADD COLUMN "target" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "vigil_history"."series" ADD COLUMN "load" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "vigil_history"."series" DROP CONSTRAINT "series_suite_engine_environment_pk";--> statement-breakpoint
ALTER TABLE "vigil_history"."series" ADD CONSTRAINT "series_suite_engine_environment_target_load_pk" PRIMARY KEY("suite","engine","environment","target","load");--> statement-breakpoint
DROP INDEX "vigil_history"."runs_by_series";--> statement-breakpoint
CREATE INDEX "runs_by_series" ON "vigil_history"."runs" USING btree ("suite","engine","environment","target","load","started_ms","id");--> statement-breakpoint
-- Nothing was seen: the records that are still there are read again, for their target and load.
DELETE FROM "vigil_history"."seen";
