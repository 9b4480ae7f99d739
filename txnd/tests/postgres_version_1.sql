SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.map_after(state jsonb, transaction_type text, operand text, value jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE transaction_type
        WHEN 'put'     THEN value
        WHEN 'map-set' THEN coalesce(state, '{}') || jsonb_build_object(operand, value)
        WHEN 'map-del' THEN state - operand
        WHEN 'del'     THEN NULL
        WHEN 'del-all' THEN NULL
        ELSE state
    END
$$;
CREATE FUNCTION public.refuse_deletion_of_keys() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'keys are not deleted: their transactions would go with them, and recovery stops at a hole in the log'
        USING HINT = 'Delete entries through kvs. To begin a new log, drop the schema or the database and create it again.';
END $$;
CREATE FUNCTION public.set_after(state text[], transaction_type text, operand text[], value text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE transaction_type
        WHEN 'put'     THEN value
        WHEN 'set-add' THEN CASE WHEN cardinality(operand) = 0 THEN state
                                 ELSE ARRAY(SELECT DISTINCT m FROM unnest(coalesce(state, '{}') || operand) m) END
        WHEN 'set-rem' THEN CASE WHEN state IS NULL THEN NULL
                                 ELSE ARRAY(SELECT m FROM unnest(state) m WHERE m <> ALL (operand)) END
        WHEN 'del'     THEN NULL
        WHEN 'del-all' THEN NULL
        ELSE state
    END
$$;
CREATE AGGREGATE public.map_state(transaction_type text, operand text, value jsonb) (
    SFUNC = public.map_after,
    STYPE = jsonb
);
CREATE AGGREGATE public.set_state(transaction_type text, operand text[], value text[]) (
    SFUNC = public.set_after,
    STYPE = text[]
);
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
CREATE TABLE public.float_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.float_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value real,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);
CREATE VIEW public.current_float AS
 SELECT k.key,
    t.value,
    t.id AS lsn,
    t."timestamp"
   FROM (( SELECT DISTINCT ON (float_transactions.key_id) float_transactions.id,
            float_transactions.transaction_type,
            float_transactions.key_id,
            float_transactions.value,
            float_transactions."timestamp"
           FROM public.float_transactions
          WHERE ((float_transactions.transaction_type)::text <> 'get'::text)
          ORDER BY float_transactions.key_id, float_transactions.id DESC) t
     JOIN public.float_keys k ON ((k.id = t.key_id)))
  WHERE ((t.transaction_type)::text <> ALL ((ARRAY['del'::character varying, 'del-all'::character varying])::text[]));
CREATE TABLE public.int_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.integer_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value integer,
    operand bigint,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);
CREATE VIEW public.current_int AS
 SELECT k.key,
    t.value,
    t.id AS lsn,
    t."timestamp"
   FROM (( SELECT DISTINCT ON (integer_transactions.key_id) integer_transactions.id,
            integer_transactions.transaction_type,
            integer_transactions.key_id,
            integer_transactions.value,
            integer_transactions.operand,
            integer_transactions."timestamp"
           FROM public.integer_transactions
          WHERE ((integer_transactions.transaction_type)::text <> 'get'::text)
          ORDER BY integer_transactions.key_id, integer_transactions.id DESC) t
     JOIN public.int_keys k ON ((k.id = t.key_id)))
  WHERE ((t.transaction_type)::text <> ALL ((ARRAY['del'::character varying, 'del-all'::character varying])::text[]));
CREATE TABLE public.map_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.map_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value jsonb,
    operand text,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);
CREATE VIEW public.current_map AS
 SELECT present.key,
    present.value,
    present.lsn,
    present."timestamp"
   FROM ( SELECT k.key,
            public.map_state((t.transaction_type)::text, t.operand, t.value ORDER BY t.id) AS value,
            max(t.id) AS lsn,
            (array_agg(t."timestamp" ORDER BY t.id DESC))[1] AS "timestamp"
           FROM ((public.map_transactions t
             JOIN public.map_keys k ON ((k.id = t.key_id)))
             LEFT JOIN ( SELECT map_transactions.key_id,
                    max(map_transactions.id) AS id
                   FROM public.map_transactions
                  WHERE ((map_transactions.transaction_type)::text = ANY ((ARRAY['put'::character varying, 'del'::character varying, 'del-all'::character varying])::text[]))
                  GROUP BY map_transactions.key_id) base ON ((base.key_id = t.key_id)))
          WHERE (((t.transaction_type)::text <> 'get'::text) AND ((t.transaction_type)::text <> 'map-get'::text) AND (t.id >= COALESCE(base.id, (0)::bigint)))
          GROUP BY k.key) present
  WHERE (present.value IS NOT NULL);
CREATE TABLE public.set_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.set_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value text[],
    operand text[],
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);
CREATE VIEW public.current_set AS
 SELECT present.key,
    ARRAY( SELECT m.m
           FROM unnest(present.value) m(m)
          ORDER BY (m.m COLLATE "C")) AS value,
    present.lsn,
    present."timestamp"
   FROM ( SELECT k.key,
            public.set_state((t.transaction_type)::text, t.operand, t.value ORDER BY t.id) AS value,
            max(t.id) AS lsn,
            (array_agg(t."timestamp" ORDER BY t.id DESC))[1] AS "timestamp"
           FROM ((public.set_transactions t
             JOIN public.set_keys k ON ((k.id = t.key_id)))
             LEFT JOIN ( SELECT set_transactions.key_id,
                    max(set_transactions.id) AS id
                   FROM public.set_transactions
                  WHERE ((set_transactions.transaction_type)::text = ANY ((ARRAY['put'::character varying, 'del'::character varying, 'del-all'::character varying])::text[]))
                  GROUP BY set_transactions.key_id) base ON ((base.key_id = t.key_id)))
          WHERE (((t.transaction_type)::text <> 'get'::text) AND ((t.transaction_type)::text <> 'set-has'::text) AND (t.id >= COALESCE(base.id, (0)::bigint)))
          GROUP BY k.key) present
  WHERE (present.value IS NOT NULL);
CREATE TABLE public.string_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.string_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value text,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);
CREATE VIEW public.current_string AS
 SELECT k.key,
    t.value,
    t.id AS lsn,
    t."timestamp"
   FROM (( SELECT DISTINCT ON (string_transactions.key_id) string_transactions.id,
            string_transactions.transaction_type,
            string_transactions.key_id,
            string_transactions.value,
            string_transactions."timestamp"
           FROM public.string_transactions
          WHERE ((string_transactions.transaction_type)::text <> 'get'::text)
          ORDER BY string_transactions.key_id, string_transactions.id DESC) t
     JOIN public.string_keys k ON ((k.id = t.key_id)))
  WHERE ((t.transaction_type)::text <> ALL ((ARRAY['del'::character varying, 'del-all'::character varying])::text[]));
CREATE TABLE public.uint_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.uint_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value bigint,
    operand bigint,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);
CREATE VIEW public.current_uint AS
 SELECT k.key,
    t.value,
    t.id AS lsn,
    t."timestamp"
   FROM (( SELECT DISTINCT ON (uint_transactions.key_id) uint_transactions.id,
            uint_transactions.transaction_type,
            uint_transactions.key_id,
            uint_transactions.value,
            uint_transactions.operand,
            uint_transactions."timestamp"
           FROM public.uint_transactions
          WHERE ((uint_transactions.transaction_type)::text <> 'get'::text)
          ORDER BY uint_transactions.key_id, uint_transactions.id DESC) t
     JOIN public.uint_keys k ON ((k.id = t.key_id)))
  WHERE ((t.transaction_type)::text <> ALL ((ARRAY['del'::character varying, 'del-all'::character varying])::text[]));
CREATE TABLE public.key_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key text NOT NULL,
    value text[] NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.producer (
    only_row boolean DEFAULT true NOT NULL,
    log_id bigint NOT NULL,
    epoch bigint NOT NULL,
    lsn bigint NOT NULL,
    checksum bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT producer_only_row_check CHECK (only_row)
);
COPY public._sqlx_migrations (version, description, installed_on, success, checksum, execution_time) FROM stdin;
1	log	2026-11-25 09:30:40.298314+00	t	\\xbe5915d33034cde19874f5de358daf44c560c4d40f771703ad2c39760bf5884b90e2d474c09df374149209f641ac78e1	375065125
\.
COPY public.float_keys (id, key) FROM stdin;
1	c
\.
COPY public.float_transactions (id, transaction_type, key_id, value, "timestamp") FROM stdin;
8	put	1	3.5	2026-11-25 09:30:41.054498+00
\.
COPY public.int_keys (id, key) FROM stdin;
1	a
2	missing
3	g
\.
COPY public.integer_transactions (id, transaction_type, key_id, value, operand, "timestamp") FROM stdin;
1	put	1	41	\N	2026-11-25 09:30:40.793179+00
2	incr	1	42	1	2026-11-25 09:30:40.846439+00
3	incrby	1	35	-7	2026-11-25 09:30:40.876268+00
4	get	1	\N	\N	2026-11-25 09:30:40.911855+00
5	get	2	\N	\N	2026-11-25 09:30:40.942661+00
20	del-all	1	\N	\N	2026-11-25 09:30:41.364067+00
22	put	3	-1	\N	2026-11-25 09:30:41.380589+00
\.
COPY public.key_transactions (id, transaction_type, key, value, "timestamp") FROM stdin;
20	del-all	a	{int,str,set}	2026-11-25 09:30:41.364067+00
\.
COPY public.map_keys (id, key) FROM stdin;
1	e
\.
COPY public.map_transactions (id, transaction_type, key_id, value, operand, "timestamp") FROM stdin;
10	put	1	{"x": "1", "y": "zwei"}	\N	2026-11-25 09:30:41.130993+00
11	map-set	1	"drei"	z	2026-11-25 09:30:41.1452+00
12	map-del	1	\N	x	2026-11-25 09:30:41.170387+00
13	map-get	1	\N	y	2026-11-25 09:30:41.212361+00
\.
COPY public.producer (only_row, log_id, epoch, lsn, checksum, updated_at) FROM stdin;
t	8371992544088581956	1	22	3882070442	2026-11-25 09:30:41.380641+00
\.
COPY public.set_keys (id, key) FROM stdin;
1	f
2	a
\.
COPY public.set_transactions (id, transaction_type, key_id, value, operand, "timestamp") FROM stdin;
14	put	1	{p,q}	\N	2026-11-25 09:30:41.229242+00
15	set-add	1	\N	{q,r}	2026-11-25 09:30:41.249806+00
16	set-rem	1	\N	{p}	2026-11-25 09:30:41.277323+00
17	set-has	1	\N	{q}	2026-11-25 09:30:41.316874+00
19	put	2	{gone}	\N	2026-11-25 09:30:41.356293+00
20	del-all	2	\N	\N	2026-11-25 09:30:41.364067+00
\.
COPY public.string_keys (id, key) FROM stdin;
1	d
2	a
\.
COPY public.string_transactions (id, transaction_type, key_id, value, "timestamp") FROM stdin;
9	put	1	zwei\nZeilen "ä" \\ Ende	2026-11-25 09:30:41.086548+00
18	put	2	gone	2026-11-25 09:30:41.34936+00
20	del-all	2	\N	2026-11-25 09:30:41.364067+00
\.
COPY public.uint_keys (id, key) FROM stdin;
1	b
\.
COPY public.uint_transactions (id, transaction_type, key_id, value, operand, "timestamp") FROM stdin;
6	put	1	4000000000	\N	2026-11-25 09:30:40.982431+00
7	incr	1	4000000001	1	2026-11-25 09:30:41.006396+00
21	del	1	\N	\N	2026-11-25 09:30:41.37184+00
\.
ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.float_keys
    ADD CONSTRAINT float_keys_key_key UNIQUE (key);
ALTER TABLE ONLY public.float_keys
    ADD CONSTRAINT float_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.float_transactions
    ADD CONSTRAINT float_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.int_keys
    ADD CONSTRAINT int_keys_key_key UNIQUE (key);
ALTER TABLE ONLY public.int_keys
    ADD CONSTRAINT int_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.integer_transactions
    ADD CONSTRAINT integer_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.key_transactions
    ADD CONSTRAINT key_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.map_keys
    ADD CONSTRAINT map_keys_key_key UNIQUE (key);
ALTER TABLE ONLY public.map_keys
    ADD CONSTRAINT map_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.map_transactions
    ADD CONSTRAINT map_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.producer
    ADD CONSTRAINT producer_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.set_keys
    ADD CONSTRAINT set_keys_key_key UNIQUE (key);
ALTER TABLE ONLY public.set_keys
    ADD CONSTRAINT set_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.set_transactions
    ADD CONSTRAINT set_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.string_keys
    ADD CONSTRAINT string_keys_key_key UNIQUE (key);
ALTER TABLE ONLY public.string_keys
    ADD CONSTRAINT string_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.string_transactions
    ADD CONSTRAINT string_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.uint_keys
    ADD CONSTRAINT uint_keys_key_key UNIQUE (key);
ALTER TABLE ONLY public.uint_keys
    ADD CONSTRAINT uint_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.uint_transactions
    ADD CONSTRAINT uint_transactions_pkey PRIMARY KEY (id);
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.float_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.int_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.map_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.set_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.string_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.uint_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();
ALTER TABLE ONLY public.float_transactions
    ADD CONSTRAINT float_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.float_keys(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.integer_transactions
    ADD CONSTRAINT integer_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.int_keys(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.map_transactions
    ADD CONSTRAINT map_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.map_keys(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.set_transactions
    ADD CONSTRAINT set_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.set_keys(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.string_transactions
    ADD CONSTRAINT string_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.string_keys(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.uint_transactions
    ADD CONSTRAINT uint_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.uint_keys(id) ON DELETE CASCADE;
