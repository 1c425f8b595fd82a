// go-httpbin, and the environment variable DELAY_MS: a revision that is slower by so much.
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

func main() {
	delay, err := time.ParseDuration(os.Getenv("DELAY_MS") + "ms")
	if err != nil {
		log.Fatal(err)
	}
	service := httpbin.New()
	slower := func(writer http.ResponseWriter, request *http.Request) {
		time.Sleep(delay)
		service.ServeHTTP(writer, request)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(slower)))
}
