"""`inorder doctor`: is a deployed stack what the design needs?

`facts` is what there is to know of a stack; `collecting` asks AWS for it, `looking` says *unknown*
where it may not ask, `answers` reads what AWS says, `schema` asks the database. `stream`,
`database` and `upkeep` hold the facts against the design and say what is wrong, why it matters and
what to type. Looking changes nothing; judging is pure.
"""
