module compare/go

go 1.27
