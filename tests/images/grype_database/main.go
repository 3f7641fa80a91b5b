// Makes a Grype vulnerability database out of a JSON file that says what stands in it.
//
// usage: grype_database PLANTED.json FOLDER      writes FOLDER/vulnerability.db
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
)

// advisory is one record of one provider; without a package it just rates, as NVD's records do.
type advisory struct {
	ID       string   `json:"id"`
	Provider string   `json:"provider"`
	Aliases  []string `json:"aliases"`
	Severity string   `json:"severity"`
	Package  string   `json:"package"`
	// Ecosystem is the kind of package as syft names it: python, npm, deb …
	Ecosystem string `json:"ecosystem"`
	// System names an entry of systems, for packages of a distribution.
	System string `json:"system"`
	// Format and Constraint say which versions are affected, such as pep440 and "<1.2.0".
	Format     string `json:"format"`
	Constraint string `json:"constraint"`
	State      string `json:"state"`
	Fixed      string `json:"fixed"`
}

// system is a distribution; ended is the day (ISO) on which its support ended, if it has.
type system struct {
	Name     string `json:"name"`
	Major    string `json:"major"`
	Codename string `json:"codename"`
	Ended    string `json:"ended"`
}

type planted struct {
	// Built is when the database claims to be made (RFC 3339); now when it is left out.
	Built      string            `json:"built"`
	Systems    map[string]system `json:"systems"`
	Advisories []advisory        `json:"advisories"`
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: grype_database PLANTED.json FOLDER"))
	}
	fail(write(os.Args[1], os.Args[2]))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(file, folder string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var wanted planted
	if err := json.Unmarshal(content, &wanted); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	database, err := v6.NewWriter(v6.Config{DBDirPath: folder})
	if err != nil {
		return err
	}
	systems, err := operatingSystems(wanted.Systems)
	if err != nil {
		return err
	}
	// One moment for all: a provider that was captured at another second would be another one of the same name.
	captured := time.Now().UTC()
	for _, one := range wanted.Advisories {
		if err := add(database, one, systems, captured); err != nil {
			return fmt.Errorf("%s: %w", one.ID, err)
		}
	}
	if err := database.Close(); err != nil {
		return err
	}
	return date(filepath.Join(folder, v6.VulnerabilityDBFileName), wanted.Built)
}

func operatingSystems(wanted map[string]system) (map[string]*v6.OperatingSystem, error) {
	found := map[string]*v6.OperatingSystem{}
	for key, one := range wanted {
		made := &v6.OperatingSystem{Name: one.Name, ReleaseID: one.Name, MajorVersion: one.Major, Codename: one.Codename}
		if one.Ended != "" {
			day, err := time.Parse(time.DateOnly, one.Ended)
			if err != nil {
				return nil, err
			}
			made.EOLDate = &day
		}
		found[key] = made
	}
	return found, nil
}

func add(database v6.ReadWriter, one advisory, systems map[string]*v6.OperatingSystem, captured time.Time) error {
	handle := &v6.VulnerabilityHandle{
		Name:     one.ID,
		Status:   v6.VulnerabilityActive,
		Provider: &v6.Provider{ID: one.Provider, Version: "1", Processor: "planted", DateCaptured: &captured},
		BlobValue: &v6.VulnerabilityBlob{
			ID:         one.ID,
			Aliases:    one.Aliases,
			Severities: []v6.Severity{{Scheme: v6.SeveritySchemeCHMLN, Value: one.Severity, Rank: 1}},
		},
	}
	if err := database.AddVulnerabilities(handle); err != nil {
		return err
	}
	if one.Package == "" {
		return nil
	}
	return database.AddAffectedPackages(&v6.AffectedPackageHandle{
		Vulnerability:   handle,
		OperatingSystem: systems[one.System],
		Package:         &v6.Package{Name: one.Package, Ecosystem: one.Ecosystem},
		BlobValue: &v6.PackageBlob{
			CVEs: one.Aliases,
			Ranges: []v6.Range{{
				Version: v6.Version{Type: one.Format, Constraint: one.Constraint},
				Fix:     &v6.Fix{Version: one.Fixed, State: v6.FixStatus(one.State)},
			}},
		},
	})
}

// date sets the moment at which the database was built; the writer knows only the present one.
func date(file, built string) error {
	if built == "" {
		return nil
	}
	moment, err := time.Parse(time.RFC3339, built)
	if err != nil {
		return err
	}
	database, err := v6.NewLowLevelDB(file, false, true, false)
	if err != nil {
		return err
	}
	if err := database.Model(&v6.DBMetadata{}).Where("true").Update("build_timestamp", moment).Error; err != nil {
		return err
	}
	connection, err := database.DB()
	if err != nil {
		return err
	}
	return connection.Close()
}
