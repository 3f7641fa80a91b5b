// Reads a configuration of Grafana Alloy, and sends lines through Alloy's own components.
//
// usage: alloy-pipeline FILE <input >output
//
// Arguments are decoded and checked as Alloy does it. Relabelling, what the source adds to a pod's labels, and all
// stages are Alloy's own code. Kubernetes and Loki are not asked: in their places stand the input and the output. The
// arguments of discovery.kubernetes and of loki.source.kubernetes are held against their documentation, as `found` and
// `tailed` below, for the version of Alloy's syntax that is published lacks what these packages need.
//
// input:  {"targets": [{label: value}], "lines": [{"target": index, "line": text, "time": RFC 3339}]}
// output: {"targets": [{label: value}], "entries": [{"time", "labels", "metadata", "line"}], "metrics": {series: value}}
//
// The module's name is below Alloy's own, so that its internal packages may be imported.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	promrelabel "github.com/prometheus/prometheus/model/relabel"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/internal/component/loki/process"
	"github.com/grafana/alloy/internal/component/loki/source/kubernetes/kubetail"
	"github.com/grafana/alloy/internal/component/loki/write"
	"github.com/grafana/alloy/internal/featuregate"
	"github.com/grafana/alloy/internal/service/livedebugging"
	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/vm"
	"github.com/grafana/loki/v3/pkg/logproto"
)

// Stages keep the order of lines: when this one is through, all are. It is of no agent, so no limit holds for it.
const last = "the last line"

type line struct {
	Target int       `json:"target"`
	Line   string    `json:"line"`
	Time   time.Time `json:"time"`
}

type input struct {
	Targets []map[string]string `json:"targets"`
	Lines   []line              `json:"lines"`
}

type entry struct {
	Time     time.Time         `json:"time"`
	Labels   map[string]string `json:"labels"`
	Metadata map[string]string `json:"metadata"`
	Line     string            `json:"line"`
}

type output struct {
	Targets []map[string]string `json:"targets"`
	Entries []entry             `json:"entries"`
	Metrics map[string]float64  `json:"metrics"`
}

// discovery.kubernetes
type found struct {
	Role       string `alloy:"role,attr"`
	Namespaces struct {
		Names []string `alloy:"names,attr"`
	} `alloy:"namespaces,block"`
	Selectors []struct {
		Role  string `alloy:"role,attr"`
		Label string `alloy:"label,attr"`
	} `alloy:"selectors,block"`
}

// discovery.relabel
type relabelled struct {
	Targets []map[string]string `alloy:"targets,attr"`
	Rules   []*relabel.Config   `alloy:"rule,block"`
}

// loki.source.kubernetes
type tailed struct {
	Targets    []map[string]string `alloy:"targets,attr"`
	ForwardTo  []loki.LogsReceiver `alloy:"forward_to,attr"`
	Clustering struct {
		Enabled bool `alloy:"enabled,attr"`
	} `alloy:"clustering,block"`
}

// What the file says, once all of it is understood.
type pipeline struct {
	variables map[string]any
	given     []map[string]string
	written   loki.LogsReceiver
	metrics   *prometheus.Registry

	tailed []labels.Labels
	into   loki.LogsReceiver
}

func main() {
	if err := run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string, from io.Reader, to io.Writer) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(file, text)
	if err != nil {
		return err
	}
	var given input
	if err := json.NewDecoder(from).Decode(&given); err != nil {
		return err
	}
	line := &pipeline{
		variables: map[string]any{"sys": map[string]any{"env": os.Getenv}},
		given:     given.Targets,
		written:   loki.NewLogsReceiver(),
		metrics:   prometheus.NewRegistry(),
	}
	if err := line.begin(parsed.Body); err != nil {
		return err
	}
	result := output{Entries: []entry{}, Targets: []map[string]string{}}
	for _, target := range line.tailed {
		result.Targets = append(result.Targets, target.Map())
	}
	go func() {
		for _, one := range given.Lines {
			line.into.Chan() <- loki.Entry{
				Labels: labelSet(line.tailed[one.Target]),
				Entry:  logproto.Entry{Timestamp: one.Time, Line: one.Line},
			}
		}
		line.into.Chan() <- loki.Entry{Labels: model.LabelSet{}, Entry: logproto.Entry{Line: last}}
	}()
	for one := range line.written.Chan() {
		if one.Line == last {
			break
		}
		result.Entries = append(result.Entries, shown(one))
	}
	if result.Metrics, err = gathered(line.metrics); err != nil {
		return err
	}
	return json.NewEncoder(to).Encode(result)
}

// A component is made once those are there that it refers to; the order in the file says nothing.
func (line *pipeline) begin(waiting ast.Body) error {
	for len(waiting) > 0 {
		var later ast.Body
		var problem error
		for _, statement := range waiting {
			block, ok := statement.(*ast.BlockStmt)
			if !ok {
				return fmt.Errorf("%T is no block", statement)
			}
			if err := line.make(block); err != nil {
				later, problem = append(later, statement), err
			}
		}
		if len(later) == len(waiting) {
			return problem
		}
		waiting = later
	}
	if line.into == nil || line.tailed == nil {
		return fmt.Errorf("no pods are read, or nothing processes their lines")
	}
	return nil
}

func (line *pipeline) make(block *ast.BlockStmt) error {
	name := strings.Join(block.Name, ".")
	gives := map[string]any{}
	var err error
	decode := func(into any) error {
		return vm.New(block.Body).Evaluate(&vm.Scope{Variables: line.variables}, into)
	}
	switch name {
	case "discovery.kubernetes":
		err = decode(&found{})
		gives["targets"] = line.given
	case "discovery.relabel":
		var arguments relabelled
		if err = decode(&arguments); err == nil {
			gives["output"] = kept(arguments)
		}
	case "loki.source.kubernetes":
		var arguments tailed
		if err = decode(&arguments); err == nil {
			line.tailed, err = tail(arguments.Targets, name+"."+block.Label)
		}
	case "loki.process":
		var arguments process.Arguments
		if err = decode(&arguments); err == nil {
			err = line.process(name+"."+block.Label, arguments)
		}
		gives["receiver"] = line.into
	case "loki.write":
		var arguments write.Arguments
		err = decode(&arguments)
		gives["receiver"] = line.written
	default:
		err = fmt.Errorf("this program knows no %s", name)
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", name, block.Label, err)
	}
	place(line.variables, append(append([]string{}, block.Name...), block.Label), gives)
	return nil
}

func (line *pipeline) process(id string, arguments process.Arguments) error {
	running, err := process.New(component.Options{
		ID:             id,
		Logger:         level.NewFilter(log.NewLogfmtLogger(os.Stderr), level.AllowWarn()),
		Registerer:     line.metrics,
		MinStability:   featuregate.StabilityGenerallyAvailable,
		OnStateChange:  func(now component.Exports) { line.into = now.(process.Exports).Receiver },
		GetServiceData: func(string) (any, error) { return livedebugging.NewLiveDebugging(), nil },
	}, arguments)
	if err == nil {
		go func() { _ = running.Run(context.Background()) }()
	}
	return err
}

func kept(arguments relabelled) []map[string]string {
	rules := relabel.ComponentToPromRelabelConfigs(arguments.Rules)
	result := []map[string]string{}
	for _, target := range arguments.Targets {
		if after, keep := promrelabel.Process(labels.FromMap(target), rules...); keep {
			result = append(result, after.Map())
		}
	}
	return result
}

func tail(targets []map[string]string, id string) ([]labels.Labels, error) {
	result := []labels.Labels{}
	for _, target := range targets {
		before := labels.FromMap(target)
		after, err := kubetail.PrepareLabels(before, id)
		if err != nil {
			return nil, err
		}
		result = append(result, kubetail.NewTarget(before, after).Labels())
	}
	return result, nil
}

func place(variables map[string]any, path []string, gives map[string]any) {
	for _, name := range path[:len(path)-1] {
		inner, ok := variables[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			variables[name] = inner
		}
		variables = inner
	}
	variables[path[len(path)-1]] = gives
}

func labelSet(target labels.Labels) model.LabelSet {
	result := model.LabelSet{}
	for name, value := range target.Map() {
		result[model.LabelName(name)] = model.LabelValue(value)
	}
	return result
}

func shown(one loki.Entry) entry {
	result := entry{one.Timestamp, map[string]string{}, map[string]string{}, one.Line}
	for name, value := range one.Labels {
		result.Labels[string(name)] = string(value)
	}
	for _, pair := range one.StructuredMetadata {
		name := pair.Name
		if _, twice := result.Metadata[name]; twice {
			name += " (again)"
		}
		result.Metadata[name] = pair.Value
	}
	return result
}

func gathered(metrics *prometheus.Registry) (map[string]float64, error) {
	families, err := metrics.Gather()
	result := map[string]float64{}
	for _, family := range families {
		for _, one := range family.GetMetric() {
			pairs := []string{}
			for _, label := range one.GetLabel() {
				pairs = append(pairs, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			if one.GetCounter() != nil {
				result[family.GetName()+"{"+strings.Join(pairs, ",")+"}"] = one.GetCounter().GetValue()
			}
		}
	}
	return result, err
}
