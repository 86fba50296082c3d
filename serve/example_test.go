package serve_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/serve"
)

// Mounting the server beside a program's own handlers.
func Example() {
	model, err := pretrained.Model()
	if err != nil {
		log.Fatal(err)
	}
	server, err := serve.New(serve.Options{Model: model})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	mux := http.NewServeMux()
	mux.Handle("/digits/", http.StripPrefix("/digits", server))
	program := httptest.NewServer(mux)
	defer program.Close()

	response, err := http.Get(program.URL + "/digits/v2/health/ready")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.StatusCode)
	// Output: 200
}
