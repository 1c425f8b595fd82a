CREATE SCHEMA IF NOT EXISTS "vigil_history";
--> statement-breakpoint
CREATE TABLE "vigil_history"."runs" (
	"id" text PRIMARY KEY NOT NULL,
	"suite" text NOT NULL,
	"engine" text NOT NULL,
	"environment" text NOT NULL,
	"started_ms" bigint NOT NULL,
	"entry" json NOT NULL
);
--> statement-breakpoint
CREATE TABLE "vigil_history"."seen" (
	"place" text PRIMARY KEY NOT NULL,
	"state" text
);
--> statement-breakpoint
CREATE TABLE "vigil_history"."series" (
	"suite" text NOT NULL,
	"engine" text NOT NULL,
	"environment" text NOT NULL,
	CONSTRAINT "series_suite_engine_environment_pk" PRIMARY KEY("suite","engine","environment")
);
--> statement-breakpoint
CREATE TABLE "vigil_history"."set_aside" (
	"place" text NOT NULL,
	"id" text NOT NULL,
	"problem" text NOT NULL,
	CONSTRAINT "set_aside_place_id_pk" PRIMARY KEY("place","id")
);
--> statement-breakpoint
CREATE INDEX "runs_by_series" ON "vigil_history"."runs" USING btree ("suite","engine","environment","started_ms","id");