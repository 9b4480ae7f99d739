--
-- PostgreSQL database dump
--

\restrict XaYvHdfkpSnUX5WpNoD7ceIbQ18MNdcWdc0NKji9DYU8bNdvYf7SFNxBAbepYEb

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

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

--
-- Name: map_after(jsonb, text, text, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

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


--
-- Name: refuse_deletion_of_keys(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_deletion_of_keys() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'keys are not deleted: their transactions would go with them, and recovery stops at a hole in the log'
        USING HINT = 'Delete entries through kvs. To begin a new log, drop the schema or the database and create it again.';
END $$;


--
-- Name: set_after(text[], text, text[], text[]); Type: FUNCTION; Schema: public; Owner: -
--

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


--
-- Name: map_state(text, text, jsonb); Type: AGGREGATE; Schema: public; Owner: -
--

CREATE AGGREGATE public.map_state(transaction_type text, operand text, value jsonb) (
    SFUNC = public.map_after,
    STYPE = jsonb
);


--
-- Name: set_state(text, text[], text[]); Type: AGGREGATE; Schema: public; Owner: -
--

CREATE AGGREGATE public.set_state(transaction_type text, operand text[], value text[]) (
    SFUNC = public.set_after,
    STYPE = text[]
);


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: _sqlx_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);


--
-- Name: float_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.float_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: float_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.float_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value real,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: current_float; Type: VIEW; Schema: public; Owner: -
--

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


--
-- Name: int_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.int_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: integer_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.integer_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value integer,
    operand bigint,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: current_int; Type: VIEW; Schema: public; Owner: -
--

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


--
-- Name: map_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.map_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: map_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.map_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value jsonb,
    operand text,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: current_map; Type: VIEW; Schema: public; Owner: -
--

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


--
-- Name: set_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.set_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: set_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.set_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value text[],
    operand text[],
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: current_set; Type: VIEW; Schema: public; Owner: -
--

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


--
-- Name: string_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.string_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: string_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.string_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value text,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: current_string; Type: VIEW; Schema: public; Owner: -
--

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


--
-- Name: uint_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.uint_keys (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: uint_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.uint_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key_id bigint NOT NULL,
    value bigint,
    operand bigint,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: current_uint; Type: VIEW; Schema: public; Owner: -
--

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


--
-- Name: key_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.key_transactions (
    id bigint NOT NULL,
    transaction_type character varying(32) NOT NULL,
    key text NOT NULL,
    value text[] NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: producer; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.producer (
    only_row boolean DEFAULT true NOT NULL,
    log_id bigint NOT NULL,
    epoch bigint NOT NULL,
    lsn bigint NOT NULL,
    checksum bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT producer_only_row_check CHECK (only_row)
);


--
-- Data for Name: _sqlx_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public._sqlx_migrations (version, description, installed_on, success, checksum, execution_time) FROM stdin;
1	log	2026-11-25 09:11:51.612125+00	t	\\xbe5915d33034cde19874f5de358daf44c560c4d40f771703ad2c39760bf5884b90e2d474c09df374149209f641ac78e1	144311581
\.


--
-- Data for Name: float_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.float_keys (id, key) FROM stdin;
1	f0
2	f1
3	f2
4	f3
5	f4
6	f5
7	f6
8	f7
9	k
10	clé/🗝 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
11	schlüssel/ключ 鍵🔑
12	absent
\.


--
-- Data for Name: float_transactions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.float_transactions (id, transaction_type, key_id, value, "timestamp") FROM stdin;
8	put	1	0	2026-11-25 09:11:51.814896+00
9	put	2	-0	2026-11-25 09:11:51.818937+00
10	put	3	1e-45	2026-11-25 09:11:51.822673+00
11	put	4	3.4028235e+38	2026-11-25 09:11:51.8307+00
12	put	5	-3.4028235e+38	2026-11-25 09:11:51.842848+00
13	put	6	1.6777216e+07	2026-11-25 09:11:51.850307+00
14	put	7	0.1	2026-11-25 09:11:51.856855+00
15	put	8	2.71828	2026-11-25 09:11:51.862785+00
28	put	9	-1.5	2026-11-25 09:11:51.932797+00
34	put	10	-1.5	2026-11-25 09:11:51.978698+00
40	put	11	-1.5	2026-11-25 09:11:52.006601+00
47	get	9	\N	2026-11-25 09:11:52.022438+00
48	get	12	\N	2026-11-25 09:11:52.0225+00
93	del	1	\N	2026-11-25 09:11:52.158556+00
97	del-all	9	\N	2026-11-25 09:11:52.176709+00
99	del-all	10	\N	2026-11-25 09:11:52.18859+00
113	del-all	2	\N	2026-11-25 09:11:52.393741+00
117	del-all	11	\N	2026-11-25 09:11:52.414678+00
119	put	11	0.5	2026-11-25 09:11:52.422583+00
\.


--
-- Data for Name: int_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.int_keys (id, key) FROM stdin;
1	i
2	k
3	clé/🗝 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
4	schlüssel/ключ 鍵🔑
5	absent
6	n
7	low
\.


--
-- Data for Name: integer_transactions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.integer_transactions (id, transaction_type, key_id, value, operand, "timestamp") FROM stdin;
1	put	1	0	\N	2026-11-25 09:11:51.768819+00
2	put	1	-1	\N	2026-11-25 09:11:51.774942+00
3	put	1	2147483647	\N	2026-11-25 09:11:51.778217+00
4	put	1	-2147483648	\N	2026-11-25 09:11:51.790951+00
26	put	2	-7	\N	2026-11-25 09:11:51.922836+00
32	put	3	-7	\N	2026-11-25 09:11:51.960713+00
38	put	4	-7	\N	2026-11-25 09:11:51.999174+00
43	get	2	\N	\N	2026-11-25 09:11:52.022096+00
44	get	5	\N	\N	2026-11-25 09:11:52.022203+00
55	incr	6	1	1	2026-11-25 09:11:52.022881+00
56	incr	6	2	1	2026-11-25 09:11:52.034962+00
57	incrby	6	-8	-10	2026-11-25 09:11:52.039721+00
58	incrby	6	2147483639	2147483647	2026-11-25 09:11:52.041096+00
59	incrby	7	-2147483648	-2147483648	2026-11-25 09:11:52.043274+00
60	incrby	7	-2147483648	0	2026-11-25 09:11:52.049203+00
65	incr	3	-6	1	2026-11-25 09:11:52.065763+00
90	del	1	\N	\N	2026-11-25 09:11:52.146091+00
91	del	1	\N	\N	2026-11-25 09:11:52.150611+00
97	del-all	2	\N	\N	2026-11-25 09:11:52.176709+00
99	del-all	3	\N	\N	2026-11-25 09:11:52.18859+00
103	put	1	42	\N	2026-11-25 09:11:52.347238+00
107	incrby	1	-1	-43	2026-11-25 09:11:52.365492+00
114	put	3	1	\N	2026-11-25 09:11:52.400747+00
117	del-all	4	\N	\N	2026-11-25 09:11:52.414678+00
118	incr	4	1	1	2026-11-25 09:11:52.421179+00
\.


--
-- Data for Name: key_transactions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.key_transactions (id, transaction_type, key, value, "timestamp") FROM stdin;
97	del-all	k	{int,uint,float,str,map,set}	2026-11-25 09:11:52.176709+00
98	del-all	k	{}	2026-11-25 09:11:52.18644+00
99	del-all	clé/🗝 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk	{int,uint,float,str,map,set}	2026-11-25 09:11:52.18859+00
113	del-all	f1	{float}	2026-11-25 09:11:52.393741+00
117	del-all	schlüssel/ключ 鍵🔑	{int,uint,float,str,map,set}	2026-11-25 09:11:52.414678+00
\.


--
-- Data for Name: map_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.map_keys (id, key) FROM stdin;
1	m
2	empty
3	k
4	clé/🗝 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
5	schlüssel/ключ 鍵🔑
6	absent
7	m2
8	m3
9	m4
\.


--
-- Data for Name: map_transactions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.map_transactions (id, transaction_type, key_id, value, operand, "timestamp") FROM stdin;
20	put	1	{}	\N	2026-11-25 09:11:51.887912+00
21	put	1	{"": "", "a": "1", "z\\n": "{}", "é\\"": "\\\\"}	\N	2026-11-25 09:11:51.890639+00
22	put	2	{}	\N	2026-11-25 09:11:51.898433+00
30	put	3	{"f": "k"}	\N	2026-11-25 09:11:51.949956+00
36	put	4	{"f": "clé/🗝 kkkkkkkkkkkkkk"}	\N	2026-11-25 09:11:51.989701+00
41	put	5	{"f": "schlüssel/ключ 鍵🔑"}	\N	2026-11-25 09:11:52.010604+00
51	get	3	\N	\N	2026-11-25 09:11:52.022661+00
52	get	6	\N	\N	2026-11-25 09:11:52.02272+00
67	map-set	1	"2"	a	2026-11-25 09:11:52.070083+00
68	map-set	1	"än"	new	2026-11-25 09:11:52.073727+00
69	map-set	7	""		2026-11-25 09:11:52.074934+00
70	map-set	7	"A long text with \\n lines, \\"quotes\\", \\\\ and é🔑. A long text with \\n lines, \\"quotes\\", \\\\ and é🔑. A long text with \\n lines, \\"quotes\\", \\\\ and é🔑. A long text with \\n lines, \\"quotes\\", \\\\ and é🔑. A long text with"	f	2026-11-25 09:11:52.076259+00
71	map-get	1	\N	a	2026-11-25 09:11:52.085035+00
72	map-get	1	\N	absent	2026-11-25 09:11:52.085201+00
73	map-get	6	\N	f	2026-11-25 09:11:52.085447+00
74	map-del	1	\N	a	2026-11-25 09:11:52.085586+00
75	map-del	1	\N	absent	2026-11-25 09:11:52.094791+00
76	map-del	8	\N	f	2026-11-25 09:11:52.098629+00
77	map-set	9	"v"	f	2026-11-25 09:11:52.102966+00
78	map-del	9	\N	f	2026-11-25 09:11:52.106567+00
95	del	2	\N	\N	2026-11-25 09:11:52.170554+00
97	del-all	3	\N	\N	2026-11-25 09:11:52.176709+00
99	del-all	4	\N	\N	2026-11-25 09:11:52.18859+00
104	put	2	{}	\N	2026-11-25 09:11:52.3507+00
111	map-set	9	"w"	g	2026-11-25 09:11:52.382617+00
117	del-all	5	\N	\N	2026-11-25 09:11:52.414678+00
\.


--
-- Data for Name: producer; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.producer (only_row, log_id, epoch, lsn, checksum, updated_at) FROM stdin;
t	-1113056351972869522	2	120	28221301	2026-11-25 09:11:52.430735+00
\.


--
-- Data for Name: set_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.set_keys (id, key) FROM stdin;
1	t
2	empty
3	k
4	clé/🗝 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
5	schlüssel/ключ 鍵🔑
6	absent
7	t2
8	t3
\.


--
-- Data for Name: set_transactions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.set_transactions (id, transaction_type, key_id, value, operand, "timestamp") FROM stdin;
23	put	1	{}	\N	2026-11-25 09:11:51.903965+00
24	put	1	{"","NULL",a,"a,b",b,"{}",é}	\N	2026-11-25 09:11:51.908411+00
25	put	2	{}	\N	2026-11-25 09:11:51.909417+00
31	put	3	{k,m}	\N	2026-11-25 09:11:51.958231+00
37	put	4	{"clé/🗝 kkkkkkkkkkkkkk",m}	\N	2026-11-25 09:11:51.994738+00
42	put	5	{m,"schlüssel/ключ 鍵🔑"}	\N	2026-11-25 09:11:52.019369+00
53	get	3	\N	\N	2026-11-25 09:11:52.022774+00
54	get	6	\N	\N	2026-11-25 09:11:52.022828+00
79	set-add	1	\N	{a,c,😀}	2026-11-25 09:11:52.112099+00
80	set-add	7	\N	{x}	2026-11-25 09:11:52.114615+00
81	set-add	1	\N	{a,b}	2026-11-25 09:11:52.120866+00
82	set-add	7	\N	{x}	2026-11-25 09:11:52.122624+00
83	set-add	8	\N	{}	2026-11-25 09:11:52.124989+00
84	set-has	1	\N	{a}	2026-11-25 09:11:52.134531+00
85	set-has	1	\N	{absent}	2026-11-25 09:11:52.135262+00
86	set-has	6	\N	{a}	2026-11-25 09:11:52.135436+00
87	set-rem	1	\N	{absent,b}	2026-11-25 09:11:52.135591+00
88	set-rem	1	\N	{absent}	2026-11-25 09:11:52.141068+00
89	set-rem	7	\N	{x}	2026-11-25 09:11:52.1436+00
96	del	2	\N	\N	2026-11-25 09:11:52.171513+00
97	del-all	3	\N	\N	2026-11-25 09:11:52.176709+00
99	del-all	4	\N	\N	2026-11-25 09:11:52.18859+00
105	put	2	{}	\N	2026-11-25 09:11:52.354955+00
109	set-add	7	\N	{x,y}	2026-11-25 09:11:52.376257+00
110	set-rem	7	\N	{y}	2026-11-25 09:11:52.380443+00
116	put	4	{x}	\N	2026-11-25 09:11:52.407869+00
117	del-all	5	\N	\N	2026-11-25 09:11:52.414678+00
\.


--
-- Data for Name: string_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.string_keys (id, key) FROM stdin;
1	s
2	schlüssel/ключ 鍵🔑
3	long
4	k
5	clé/🗝 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
6	absent
7	long2
8	long3
9	last
\.


--
-- Data for Name: string_transactions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.string_transactions (id, transaction_type, key_id, value, "timestamp") FROM stdin;
16	put	1		2026-11-25 09:11:51.868038+00
17	put	1	text	2026-11-25 09:11:51.873342+00
18	put	2	añ€😀 ﻿\n\t\r\n{NULL} \\N \\. ' " $$	2026-11-25 09:11:51.878401+00
19	put	3	A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long t	2026-11-25 09:11:51.886769+00
29	put	4	v k	2026-11-25 09:11:51.939687+00
35	put	5	v clé/🗝 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk	2026-11-25 09:11:51.988298+00
49	get	4	\N	2026-11-25 09:11:52.022555+00
50	get	6	\N	2026-11-25 09:11:52.022607+00
94	del	1	\N	2026-11-25 09:11:52.161346+00
97	del-all	4	\N	2026-11-25 09:11:52.176709+00
99	del-all	5	\N	2026-11-25 09:11:52.18859+00
100	put	7	A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quote	2026-11-25 09:11:52.19374+00
101	put	4	again	2026-11-25 09:11:52.19849+00
102	put	3	A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n l	2026-11-25 09:11:52.336135+00
106	put	1		2026-11-25 09:11:52.36001+00
112	put	8	A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and é🔑. A long text with \n lines, "quotes", \\ and 	2026-11-25 09:11:52.388869+00
117	del-all	2	\N	2026-11-25 09:11:52.414678+00
120	put	9	schlüssel/ключ 鍵🔑	2026-11-25 09:11:52.430677+00
\.


--
-- Data for Name: uint_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.uint_keys (id, key) FROM stdin;
1	u
2	k
3	clé/🗝 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
4	schlüssel/ключ 鍵🔑
5	absent
6	n
\.


--
-- Data for Name: uint_transactions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.uint_transactions (id, transaction_type, key_id, value, operand, "timestamp") FROM stdin;
5	put	1	0	\N	2026-11-25 09:11:51.793508+00
6	put	1	1	\N	2026-11-25 09:11:51.798732+00
7	put	1	4294967295	\N	2026-11-25 09:11:51.807035+00
27	put	2	7	\N	2026-11-25 09:11:51.926604+00
33	put	3	7	\N	2026-11-25 09:11:51.967796+00
39	put	4	7	\N	2026-11-25 09:11:52.003462+00
45	get	2	\N	\N	2026-11-25 09:11:52.022276+00
46	get	5	\N	\N	2026-11-25 09:11:52.022379+00
61	incr	6	1	1	2026-11-25 09:11:52.057843+00
62	incrby	6	4294967295	4294967294	2026-11-25 09:11:52.059708+00
63	incrby	6	0	-4294967295	2026-11-25 09:11:52.060806+00
64	incrby	6	5	5	2026-11-25 09:11:52.063486+00
66	incrby	4	4	-3	2026-11-25 09:11:52.066268+00
92	del	1	\N	\N	2026-11-25 09:11:52.156379+00
97	del-all	2	\N	\N	2026-11-25 09:11:52.176709+00
99	del-all	3	\N	\N	2026-11-25 09:11:52.18859+00
108	incr	1	1	1	2026-11-25 09:11:52.375356+00
115	put	3	2	\N	2026-11-25 09:11:52.402571+00
117	del-all	4	\N	\N	2026-11-25 09:11:52.414678+00
\.


--
-- Name: _sqlx_migrations _sqlx_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);


--
-- Name: float_keys float_keys_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.float_keys
    ADD CONSTRAINT float_keys_key_key UNIQUE (key);


--
-- Name: float_keys float_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.float_keys
    ADD CONSTRAINT float_keys_pkey PRIMARY KEY (id);


--
-- Name: float_transactions float_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.float_transactions
    ADD CONSTRAINT float_transactions_pkey PRIMARY KEY (id);


--
-- Name: int_keys int_keys_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.int_keys
    ADD CONSTRAINT int_keys_key_key UNIQUE (key);


--
-- Name: int_keys int_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.int_keys
    ADD CONSTRAINT int_keys_pkey PRIMARY KEY (id);


--
-- Name: integer_transactions integer_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.integer_transactions
    ADD CONSTRAINT integer_transactions_pkey PRIMARY KEY (id);


--
-- Name: key_transactions key_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.key_transactions
    ADD CONSTRAINT key_transactions_pkey PRIMARY KEY (id);


--
-- Name: map_keys map_keys_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.map_keys
    ADD CONSTRAINT map_keys_key_key UNIQUE (key);


--
-- Name: map_keys map_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.map_keys
    ADD CONSTRAINT map_keys_pkey PRIMARY KEY (id);


--
-- Name: map_transactions map_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.map_transactions
    ADD CONSTRAINT map_transactions_pkey PRIMARY KEY (id);


--
-- Name: producer producer_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.producer
    ADD CONSTRAINT producer_pkey PRIMARY KEY (only_row);


--
-- Name: set_keys set_keys_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.set_keys
    ADD CONSTRAINT set_keys_key_key UNIQUE (key);


--
-- Name: set_keys set_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.set_keys
    ADD CONSTRAINT set_keys_pkey PRIMARY KEY (id);


--
-- Name: set_transactions set_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.set_transactions
    ADD CONSTRAINT set_transactions_pkey PRIMARY KEY (id);


--
-- Name: string_keys string_keys_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.string_keys
    ADD CONSTRAINT string_keys_key_key UNIQUE (key);


--
-- Name: string_keys string_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.string_keys
    ADD CONSTRAINT string_keys_pkey PRIMARY KEY (id);


--
-- Name: string_transactions string_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.string_transactions
    ADD CONSTRAINT string_transactions_pkey PRIMARY KEY (id);


--
-- Name: uint_keys uint_keys_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.uint_keys
    ADD CONSTRAINT uint_keys_key_key UNIQUE (key);


--
-- Name: uint_keys uint_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.uint_keys
    ADD CONSTRAINT uint_keys_pkey PRIMARY KEY (id);


--
-- Name: uint_transactions uint_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.uint_transactions
    ADD CONSTRAINT uint_transactions_pkey PRIMARY KEY (id);


--
-- Name: float_keys no_deletion; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.float_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();


--
-- Name: int_keys no_deletion; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.int_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();


--
-- Name: map_keys no_deletion; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.map_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();


--
-- Name: set_keys no_deletion; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.set_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();


--
-- Name: string_keys no_deletion; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.string_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();


--
-- Name: uint_keys no_deletion; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON public.uint_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_deletion_of_keys();


--
-- Name: float_transactions float_transactions_key_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.float_transactions
    ADD CONSTRAINT float_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.float_keys(id) ON DELETE CASCADE;


--
-- Name: integer_transactions integer_transactions_key_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.integer_transactions
    ADD CONSTRAINT integer_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.int_keys(id) ON DELETE CASCADE;


--
-- Name: map_transactions map_transactions_key_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.map_transactions
    ADD CONSTRAINT map_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.map_keys(id) ON DELETE CASCADE;


--
-- Name: set_transactions set_transactions_key_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.set_transactions
    ADD CONSTRAINT set_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.set_keys(id) ON DELETE CASCADE;


--
-- Name: string_transactions string_transactions_key_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.string_transactions
    ADD CONSTRAINT string_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.string_keys(id) ON DELETE CASCADE;


--
-- Name: uint_transactions uint_transactions_key_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.uint_transactions
    ADD CONSTRAINT uint_transactions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.uint_keys(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--

\unrestrict XaYvHdfkpSnUX5WpNoD7ceIbQ18MNdcWdc0NKji9DYU8bNdvYf7SFNxBAbepYEb

