-- Series have a number: five texts in each row and each index entry were most of a run's size.
ALTER TABLE "vigil_history"."series" DROP CONSTRAINT "series_suite_engine_environment_target_load_pk";--> statement-breakpoint
ALTER TABLE "vigil_history"."series" ADD COLUMN "id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY;--> statement-breakpoint
ALTER TABLE "vigil_history"."series" ADD CONSTRAINT "series_key" UNIQUE("suite","engine","environment","target","load");--> statement-breakpoint
ALTER TABLE "vigil_history"."runs" RENAME TO "wide_runs";--> statement-breakpoint
DROP INDEX "vigil_history"."runs_by_series";--> statement-breakpoint
ALTER TABLE "vigil_history"."wide_runs" DROP CONSTRAINT "runs_pkey";--> statement-breakpoint
CREATE TABLE "vigil_history"."runs" (
	"id" text NOT NULL,
	"series_id" integer NOT NULL,
	"started_ms" bigint NOT NULL,
	"started_at" text NOT NULL,
	"duration_ms" double precision NOT NULL,
	"state" text NOT NULL,
	"verdict" text,
	"revision" text,
	"requests" double precision NOT NULL,
	"errors" double precision NOT NULL,
	"error_rate" double precision NOT NULL,
	"throughput_rps" double precision NOT NULL,
	"mean_ms" double precision NOT NULL,
	"p50_ms" double precision NOT NULL,
	"p90_ms" double precision NOT NULL,
	"p95_ms" double precision NOT NULL,
	"p99_ms" double precision NOT NULL,
	"max_ms" double precision NOT NULL,
	"has_steps" boolean DEFAULT false NOT NULL,
	"is_thinned" boolean DEFAULT false NOT NULL,
	CONSTRAINT "runs_state" CHECK ("state" IN ('valid', 'invalid', 'interrupted')),
	CONSTRAINT "runs_verdict" CHECK ("verdict" IN ('pass', 'fail', 'inconclusive', 'invalid'))
);
--> statement-breakpoint
INSERT INTO "vigil_history"."runs"
	SELECT r."id", s."id", r."started_ms", r."entry"->>'startedAt', (r."entry"->>'durationMs')::float8,
		r."entry"->>'state', r."entry"->>'verdict', r."entry"->>'revision', (r."entry"->>'requests')::float8,
		(r."entry"->>'errors')::float8, (r."entry"->>'errorRate')::float8, (r."entry"->>'throughputRps')::float8,
		(r."entry"->'latency'->>'meanMs')::float8, (r."entry"->'latency'->>'p50Ms')::float8,
		(r."entry"->'latency'->>'p90Ms')::float8, (r."entry"->'latency'->>'p95Ms')::float8,
		(r."entry"->'latency'->>'p99Ms')::float8, (r."entry"->'latency'->>'maxMs')::float8
	FROM "vigil_history"."wide_runs" r
	JOIN "vigil_history"."series" s USING ("suite","engine","environment","target","load");--> statement-breakpoint
DROP TABLE "vigil_history"."wide_runs";--> statement-breakpoint
-- Nothing was seen: the records that are still there are read again, for their histograms.
DELETE FROM "vigil_history"."seen";--> statement-breakpoint
ALTER TABLE "vigil_history"."runs" ADD CONSTRAINT "runs_pkey" PRIMARY KEY ("id");--> statement-breakpoint
CREATE INDEX "runs_by_series" ON "vigil_history"."runs" USING btree ("series_id","started_ms","id");--> statement-breakpoint
ALTER TABLE "vigil_history"."step_names" ADD COLUMN "series_id" integer;--> statement-breakpoint
UPDATE "vigil_history"."step_names" n SET "series_id" = s."id" FROM "vigil_history"."series" s
	WHERE (n."suite", n."engine", n."environment", n."target", n."load")
		= (s."suite", s."engine", s."environment", s."target", s."load");--> statement-breakpoint
DELETE FROM "vigil_history"."step_names" WHERE "series_id" IS NULL;--> statement-breakpoint
ALTER TABLE "vigil_history"."step_names" ALTER COLUMN "series_id" SET NOT NULL,
	DROP COLUMN "suite", DROP COLUMN "engine", DROP COLUMN "environment", DROP COLUMN "target", DROP COLUMN "load",
	ADD CONSTRAINT "step_names_key" UNIQUE ("series_id","step");--> statement-breakpoint
-- One part for each month: what retention removes and vacuum cleans is a part, not the table.
ALTER TABLE "vigil_history"."step_runs" RENAME TO "whole_step_runs";--> statement-breakpoint
CREATE TABLE "vigil_history"."step_runs" (
	"step_id" integer NOT NULL,
	"started_ms" bigint NOT NULL,
	"run" text NOT NULL,
	"requests" double precision NOT NULL,
	"errors" double precision NOT NULL,
	"mean_ms" real NOT NULL,
	"p50_ms" real NOT NULL,
	"p90_ms" real NOT NULL,
	"p95_ms" real NOT NULL,
	"p99_ms" real NOT NULL,
	"max_ms" real NOT NULL,
	CONSTRAINT "step_runs_pk" PRIMARY KEY("step_id","started_ms","run")
		INCLUDE ("requests","errors","mean_ms","p50_ms","p90_ms","p95_ms","p99_ms","max_ms")
) PARTITION BY RANGE ("started_ms");
--> statement-breakpoint
CREATE TABLE "vigil_history"."step_runs_other" PARTITION OF "vigil_history"."step_runs" DEFAULT;--> statement-breakpoint
-- The histograms of all steps of a run, in one compressed value: read only when runs are merged.
CREATE TABLE "vigil_history"."run_histograms" (
	"run" text NOT NULL,
	"started_ms" bigint NOT NULL,
	"histograms" bytea NOT NULL,
	CONSTRAINT "run_histograms_pk" PRIMARY KEY("run","started_ms")
) PARTITION BY RANGE ("started_ms");
--> statement-breakpoint
-- It is compressed already.
ALTER TABLE "vigil_history"."run_histograms" ALTER COLUMN "histograms" SET STORAGE EXTERNAL;--> statement-breakpoint
CREATE TABLE "vigil_history"."run_histograms_other" PARTITION OF "vigil_history"."run_histograms" DEFAULT;--> statement-breakpoint
-- The months of 2020 to next month have a part, other times share one: a wrong clock makes no thousand parts.
-- A month whose rows are in the shared part already stays there. With the rights of the tables' owner: other
-- roles may only write rows. Called on its own, because it waits for everything that uses the shared part.
CREATE FUNCTION "vigil_history"."add_month"("at" bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
	first timestamp := date_trunc('month', to_timestamp(at / 1000.0) AT TIME ZONE 'UTC');
	ending text := to_char(first, '"_"YYYY"_"MM');
	bounds text := format('FROM (%s) TO (%s)', (extract(epoch FROM first) * 1000)::bigint,
		(extract(epoch FROM first + interval '1 month') * 1000)::bigint);
	parent text;
BEGIN
	IF at < 1577836800000 OR at > extract(epoch FROM now() + interval '31 days') * 1000
		OR to_regclass('vigil_history.run_histograms' || ending) IS NOT NULL THEN
		RETURN;
	END IF;
	PERFORM pg_advisory_xact_lock(7104113203);
	FOREACH parent IN ARRAY ARRAY['step_runs', 'run_histograms'] LOOP
		CONTINUE WHEN to_regclass('vigil_history.' || parent || ending) IS NOT NULL;
		EXECUTE format('CREATE TABLE vigil_history.%I PARTITION OF vigil_history.%I FOR VALUES %s',
			parent || ending, parent, bounds);
	END LOOP;
EXCEPTION WHEN check_violation THEN
	RETURN;
END $function$;--> statement-breakpoint
SELECT "vigil_history"."add_month"("at") FROM (
	SELECT min("started_ms") AS "at" FROM "vigil_history"."whole_step_runs"
	GROUP BY date_trunc('month', to_timestamp("started_ms" / 1000.0) AT TIME ZONE 'UTC')) "months";--> statement-breakpoint
INSERT INTO "vigil_history"."step_runs" SELECT * FROM "vigil_history"."whole_step_runs";--> statement-breakpoint
DROP TABLE "vigil_history"."whole_step_runs";--> statement-breakpoint
-- The runs of a day or a week as one, by step.
CREATE TABLE "vigil_history"."merged_steps" (
	"step_id" integer NOT NULL,
	"started_ms" bigint NOT NULL,
	"runs" integer NOT NULL,
	"duration_ms" double precision NOT NULL,
	"requests" double precision NOT NULL,
	"errors" double precision NOT NULL,
	"mean_ms" real NOT NULL,
	"p50_ms" real NOT NULL,
	"p90_ms" real NOT NULL,
	"p95_ms" real NOT NULL,
	"p99_ms" real NOT NULL,
	"max_ms" real NOT NULL,
	"histogram" bytea NOT NULL,
	CONSTRAINT "merged_steps_pk" PRIMARY KEY("step_id","started_ms")
);
--> statement-breakpoint
-- Runs in one statement, there and back once: seven statements took 18 ms. Each element has the columns of
-- "runs" and of "series", and "steps" as [name, requests, errors, mean, p50, p90, p95, p99, max].
CREATE FUNCTION "vigil_history"."put_runs"("put" jsonb) RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
	known text[];
	thinned text[];
BEGIN
	-- The disk's flush took 2 to 20 ms of an append. What follows, such as "seen", is flushed, and all before it
	-- with it. A power failure before that costs entries that are made again from their records.
	PERFORM set_config('synchronous_commit', 'off', true);
	-- In one order everywhere, so that machines that put the same runs do not deadlock.
	INSERT INTO vigil_history.series (suite, engine, environment, target, load)
		SELECT p->>'suite', p->>'engine', p->>'environment', p->>'target', p->>'load' FROM jsonb_array_elements(put) p
		EXCEPT SELECT suite, engine, environment, target, load FROM vigil_history.series
		ORDER BY 1, 2, 3, 4, 5 ON CONFLICT DO NOTHING;
	INSERT INTO vigil_history.step_names (series_id, step)
		SELECT s.id, figures->>0 FROM jsonb_array_elements(put) p
		JOIN vigil_history.series s ON (s.suite, s.engine, s.environment, s.target, s.load)
			= (p->>'suite', p->>'engine', p->>'environment', p->>'target', p->>'load')
		CROSS JOIN jsonb_array_elements(p->'steps') figures
		EXCEPT SELECT series_id, step FROM vigil_history.step_names
		ORDER BY 1, 2 ON CONFLICT DO NOTHING;
	WITH added AS (
		INSERT INTO vigil_history.runs
			SELECT r.id, s.id, r.started_ms, r.started_at, r.duration_ms, r.state, r.verdict, r.revision, r.requests,
				r.errors, r.error_rate, r.throughput_rps, r.mean_ms, r.p50_ms, r.p90_ms, r.p95_ms, r.p99_ms, r.max_ms, true
			FROM jsonb_array_elements(put) p
			CROSS JOIN jsonb_populate_record(NULL::vigil_history.runs, p) r
			JOIN vigil_history.series s ON (s.suite, s.engine, s.environment, s.target, s.load)
				= (p->>'suite', p->>'engine', p->>'environment', p->>'target', p->>'load')
			ORDER BY r.id ON CONFLICT (id) DO NOTHING
		RETURNING id)
	SELECT array_agg(p->>'id') INTO known FROM jsonb_array_elements(put) p
		WHERE NOT EXISTS (SELECT FROM added WHERE added.id = p->>'id');
	IF known IS NOT NULL THEN
		-- Another machine may put one of them now: it waits here, and then sees what this one has put.
		PERFORM FROM vigil_history.runs WHERE id = ANY (known) ORDER BY id FOR UPDATE;
		DELETE FROM vigil_history.step_runs d USING vigil_history.runs r, vigil_history.step_names n
			WHERE r.id = ANY (known) AND n.series_id = r.series_id
				AND d.step_id = n.id AND d.started_ms = r.started_ms AND d.run = r.id;
		DELETE FROM vigil_history.run_histograms d USING vigil_history.runs r
			WHERE r.id = ANY (known) AND d.run = r.id AND d.started_ms = r.started_ms;
		UPDATE vigil_history.runs u SET series_id = s.id, started_ms = r.started_ms, started_at = r.started_at,
			duration_ms = r.duration_ms, state = r.state, verdict = r.verdict, revision = r.revision,
			requests = r.requests, errors = r.errors, error_rate = r.error_rate, throughput_rps = r.throughput_rps,
			mean_ms = r.mean_ms, p50_ms = r.p50_ms, p90_ms = r.p90_ms, p95_ms = r.p95_ms, p99_ms = r.p99_ms,
			max_ms = r.max_ms, has_steps = true
			FROM jsonb_array_elements(put) p
			CROSS JOIN jsonb_populate_record(NULL::vigil_history.runs, p) r
			JOIN vigil_history.series s ON (s.suite, s.engine, s.environment, s.target, s.load)
				= (p->>'suite', p->>'engine', p->>'environment', p->>'target', p->>'load')
			WHERE u.id = r.id AND u.id = ANY (known);
		-- The steps of a run that was merged are in the merged rows.
		SELECT array_agg(id) INTO thinned FROM vigil_history.runs WHERE id = ANY (known) AND is_thinned;
	END IF;
	INSERT INTO vigil_history.step_runs
		SELECT n.id, r.started_ms, r.id, (figures->>1)::float8, (figures->>2)::float8, (figures->>3)::real, (figures->>4)::real,
			(figures->>5)::real, (figures->>6)::real, (figures->>7)::real, (figures->>8)::real
		FROM jsonb_array_elements(put) p
		JOIN vigil_history.runs r ON r.id = p->>'id'
		CROSS JOIN jsonb_array_elements(p->'steps') figures
		JOIN vigil_history.step_names n ON n.series_id = r.series_id AND n.step = figures->>0
		WHERE r.id = ANY (thinned) IS NOT TRUE
		ON CONFLICT DO NOTHING;
	INSERT INTO vigil_history.run_histograms
		SELECT p->>'id', (p->>'started_ms')::bigint, decode(p->>'histograms', 'base64')
		FROM jsonb_array_elements(put) p
		WHERE p->>'histograms' IS NOT NULL AND (p->>'id' = ANY (thinned)) IS NOT TRUE
		ON CONFLICT DO NOTHING;
END $function$;
