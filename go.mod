module github.com/kernelet/kernelet

go 1.26
