CREATE TABLE "vigil_history"."step_names" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "vigil_history"."step_names_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"suite" text NOT NULL,
	"engine" text NOT NULL,
	"environment" text NOT NULL,
	"target" text NOT NULL,
	"load" text NOT NULL,
	"step" text NOT NULL,
	CONSTRAINT "step_names_key" UNIQUE("suite","engine","environment","target","load","step")
);
--> statement-breakpoint
CREATE TABLE "vigil_history"."step_runs" (
	"step_id" integer NOT NULL,
	"started_ms" bigint NOT NULL,
	"run" text NOT NULL,
	"requests" bigint NOT NULL,
	"errors" bigint NOT NULL,
	"mean_ms" real NOT NULL,
	"p50_ms" real NOT NULL,
	"p90_ms" real NOT NULL,
	"p95_ms" real NOT NULL,
	"p99_ms" real NOT NULL,
	"max_ms" real NOT NULL,
	CONSTRAINT "step_runs_step_id_started_ms_run_pk" PRIMARY KEY("step_id","started_ms","run")
		INCLUDE ("requests","errors","mean_ms","p50_ms","p90_ms","p95_ms","p99_ms","max_ms")
);
--> statement-breakpoint
ALTER TABLE "vigil_history"."runs" ADD COLUMN "has_steps" boolean DEFAULT false NOT NULL;--> statement-breakpoint
-- Nothing was seen: the records that are still there are read again, for their steps.
DELETE FROM "vigil_history"."seen";
