-- Two roles in one database: Trac's keeps its tables, LearnTrac's may read the nine it needs and owns a schema of its own.
--
--   psql -d trac -f roles.sql                        as a superuser, in the database that trac.ini names
--   psql -d trac -c '\password learntrac'            then give LearnTrac's role its password
--
-- Names other than these are given with -v, such as -v trac_schema=trac:
--   trac_role       trac        who owns Trac's tables: the user in trac.ini
--   trac_schema     public      where they are: `?schema=` in trac.ini
--   learntrac_role  learntrac   who LearnTrac is: the user in LEARNTRAC_DATABASE_URL; made where it is missing
-- In a script, the environment variable ROLE_PASSWORD gives the password; without it, it is left as it is.
--
-- It may be run again, and has to be after an upgrade of Trac or of a plugin that makes a table anew: grants go with the
-- old table. All of it happens, or nothing. Who else made tables in Trac's schema, because everybody may in a `public` of
-- PostgreSQL 14 and older, no longer may.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?trac_role}
\else
  \set trac_role trac
\endif
\if :{?trac_schema}
\else
  \set trac_schema public
\endif
\if :{?learntrac_role}
\else
  \set learntrac_role learntrac
\endif
\set role_password `printenv ROLE_PASSWORD || true`

BEGIN;
SET LOCAL search_path = '';
SET LOCAL client_min_messages = warning;

SELECT :'trac_role' = :'learntrac_role' AS same,
       to_regclass(format('%I.ticket', :'trac_schema')) IS NULL AS no_trac,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'trac_role') AS no_role,
       :'role_password' <> '' AS has_password,
       current_database() AS database
\gset
\if :same
  DO $$ BEGIN RAISE EXCEPTION 'trac_role and learntrac_role are one: they must be two'; END $$;
\endif
\if :no_trac
  DO $$ BEGIN RAISE EXCEPTION 'no Trac here: its schema has no table ticket (-v trac_schema, or another database)'; END $$;
\endif
\if :no_role
  DO $$ BEGIN RAISE EXCEPTION 'there is no role of that name for Trac (-v trac_role)'; END $$;
\endif

-- LearnTrac's role, and nobody's member: what Trac's role may, it must not.
SELECT format('CREATE ROLE %I LOGIN', :'learntrac_role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'learntrac_role')
\gexec
\if :has_password
  ALTER ROLE :"learntrac_role" PASSWORD :'role_password';
\endif
SELECT format('REVOKE %I FROM %I', owner.rolname, member.rolname)
  FROM pg_auth_members m JOIN pg_roles owner ON owner.oid = m.roleid JOIN pg_roles member ON member.oid = m.member
 WHERE (owner.rolname, member.rolname) IN ((:'trac_role', :'learntrac_role'), (:'learntrac_role', :'trac_role'))
\gexec
GRANT CONNECT ON DATABASE :"database" TO :"trac_role", :"learntrac_role";
REVOKE CREATE ON DATABASE :"database" FROM :"learntrac_role";

-- Trac's schema: its own role makes tables there, LearnTrac's reads these and no others.
GRANT USAGE, CREATE ON SCHEMA :"trac_schema" TO :"trac_role";
REVOKE CREATE ON SCHEMA :"trac_schema" FROM PUBLIC;
REVOKE ALL ON SCHEMA :"trac_schema" FROM :"learntrac_role";
REVOKE ALL ON ALL TABLES IN SCHEMA :"trac_schema" FROM :"learntrac_role";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA :"trac_schema" FROM :"learntrac_role";
GRANT USAGE ON SCHEMA :"trac_schema" TO :"learntrac_role";
SELECT format('GRANT SELECT ON %I.%I TO %I', :'trac_schema', relname, :'learntrac_role')
  FROM pg_class
 WHERE relnamespace = to_regnamespace(quote_ident(:'trac_schema')) AND relkind IN ('r', 'p', 'v', 'm', 'f')
   AND relname IN ('system', 'ticket', 'ticket_custom', 'ticket_change', 'wiki', 'permission', 'session_attribute',
                   'milestone', 'mastertickets', 'subtickets')
\gexec

-- LearnTrac's schema, with whatever an earlier LearnTrac made there under Trac's role.
CREATE SCHEMA IF NOT EXISTS learntrac;
ALTER SCHEMA learntrac OWNER TO :"learntrac_role";
SELECT format('ALTER %s learntrac.%I OWNER TO %I',
              CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
              relname, :'learntrac_role')
  FROM pg_class c
 WHERE relnamespace = to_regnamespace('learntrac') AND relkind IN ('r', 'p', 'v', 'm', 'S')
   -- A sequence that belongs to a column goes where its table goes.
   AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i') AND relkind = 'S')
\gexec
SELECT format('ALTER TYPE learntrac.%I OWNER TO %I', typname, :'learntrac_role')
  FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE typnamespace = to_regnamespace('learntrac') AND (typtype IN ('e', 'd', 'r') OR (typtype = 'c' AND c.relkind = 'c'))
\gexec
SELECT format('ALTER ROUTINE %s OWNER TO %I', oid::regprocedure, :'learntrac_role')
  FROM pg_proc WHERE pronamespace = to_regnamespace('learntrac')
\gexec
REVOKE ALL ON SCHEMA learntrac FROM PUBLIC, :"trac_role";
REVOKE ALL ON ALL TABLES IN SCHEMA learntrac FROM PUBLIC, :"trac_role";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA learntrac FROM PUBLIC, :"trac_role";
COMMIT;
