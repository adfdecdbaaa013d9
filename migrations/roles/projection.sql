-- The projection's tables, whatever they are: those that the migrating role made, in any schema but
-- ours; not what an extension brought along, nor the migrations' own record.
do $grants$
declare
    its record;
begin
    for its in
        select schema.nspname as schema, relation.relname as name, relation.relkind = 'S' as counts
        from pg_class relation
        join pg_namespace schema on schema.oid = relation.relnamespace
        where relation.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
          and pg_get_userbyid(relation.relowner) = current_user
          and schema.nspname not in ('inorder', 'information_schema')
          and schema.nspname !~ '^pg_'
          and relation.relname !~ '^_?yoyo_'
          and not exists (select from pg_depend
                          where objid = relation.oid and classid = 'pg_class'::regclass
                            and deptype = 'e')
    loop
        execute format('grant usage on schema %I to {role}', its.schema);
        if its.counts then
            execute format('grant usage on sequence %I.%I to {role}', its.schema, its.name);
        else
            execute format('grant select, insert, update, delete on %I.%I to {role}',
                           its.schema, its.name);
        end if;
    end loop;
end $grants$;
