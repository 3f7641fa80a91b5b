// Makes a database such as Trivy's out of a JSON list of {"path": [bucket…], "key": …, "value": …}.
//
// usage: trivy_database ENTRIES.json FILE
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

type entry struct {
	Path  []string        `json:"path"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: trivy_database ENTRIES.json FILE"))
	}
	fail(write(os.Args[1], os.Args[2]))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(from, to string) error {
	given, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var entries []entry
	if err := json.Unmarshal(given, &entries); err != nil {
		return err
	}
	file, err := bbolt.Open(to, 0o644, nil)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Update(func(tx *bbolt.Tx) error {
		for _, one := range entries {
			if err := put(tx, one); err != nil {
				return fmt.Errorf("%v: %w", one.Path, err)
			}
		}
		return nil
	})
}

func put(tx *bbolt.Tx, one entry) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(one.Path[0]))
	for _, name := range one.Path[1:] {
		if err != nil {
			return err
		}
		bucket, err = bucket.CreateBucketIfNotExists([]byte(name))
	}
	if err != nil {
		return err
	}
	return bucket.Put([]byte(one.Key), one.Value)
}
