// Evaluates LogQL by Loki's own engine, over lines that the input holds; there is no store behind it.
//
// usage: logql-evaluate <input >output
//
// input:  {"streams": [{"labels": {}, "entries": [{"time": RFC 3339, "line": text, "metadata": {}}]}],
//
//	"queries": [{"expression": text, "at": RFC 3339}]}
//
// output: [{"error": text, "samples": [{"labels": {}, "value": number}], "lines": number}], one for each query
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/grafana/dskit/user"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/grafana/loki/v3/pkg/iter"
	"github.com/grafana/loki/v3/pkg/logproto"
	"github.com/grafana/loki/v3/pkg/logql"
	"github.com/grafana/loki/v3/pkg/logqlmodel"
)

type entry struct {
	Time     time.Time         `json:"time"`
	Line     string            `json:"line"`
	Metadata map[string]string `json:"metadata"`
}

type stream struct {
	Labels  map[string]string `json:"labels"`
	Entries []entry           `json:"entries"`
}

type query struct {
	Expression string    `json:"expression"`
	At         time.Time `json:"at"`
}

type sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

type result struct {
	Error   string   `json:"error"`
	Samples []sample `json:"samples"`
	Lines   int      `json:"lines"`
}

// What Loki's engine asks for lines and samples.
type held []stream

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(from io.Reader, to io.Writer) error {
	var given struct {
		Streams held    `json:"streams"`
		Queries []query `json:"queries"`
	}
	if err := json.NewDecoder(from).Decode(&given); err != nil {
		return err
	}
	engine := logql.NewEngine(logql.EngineOpts{MaxLookBackPeriod: 24 * time.Hour}, given.Streams, logql.NoLimits, nil)
	results := []result{}
	for _, one := range given.Queries {
		found, err := evaluated(engine, one)
		if err != nil {
			found.Error = err.Error()
		}
		results = append(results, found)
	}
	return json.NewEncoder(to).Encode(results)
}

func evaluated(engine *logql.QueryEngine, one query) (result, error) {
	found := result{Samples: []sample{}}
	params, err := logql.NewLiteralParams(one.Expression, one.At, one.At, 0, 0, logproto.FORWARD, 10000, nil, nil)
	if err != nil {
		return found, err
	}
	answer, err := engine.Query(params).Exec(user.InjectOrgID(context.Background(), "test"))
	if err != nil {
		return found, err
	}
	switch data := answer.Data.(type) {
	case promql.Vector:
		for _, point := range data {
			found.Samples = append(found.Samples, sample{point.Metric.Map(), point.F})
		}
	case logqlmodel.Streams:
		for _, lines := range data {
			found.Lines += len(lines.Entries)
		}
	default:
		return found, fmt.Errorf("%T is neither lines nor samples of one moment", data)
	}
	return found, nil
}

func (all held) SelectLogs(_ context.Context, params logql.SelectLogParams) (iter.EntryIterator, error) {
	selector, err := params.LogSelector()
	if err != nil {
		return nil, err
	}
	pipeline, err := selector.Pipeline()
	if err != nil {
		return nil, err
	}
	iterators := []iter.EntryIterator{}
	for _, one := range all.matching(selector.Matchers()) {
		of := pipeline.ForStream(labels.FromMap(one.Labels))
		for _, entry := range one.Entries {
			line, left, keep := of.Process(entry.Time.UnixNano(), []byte(entry.Line), labels.FromMap(entry.Metadata))
			if keep {
				kept := logproto.Stream{
					Labels:  left.String(),
					Entries: []logproto.Entry{{Timestamp: entry.Time, Line: string(line)}},
				}
				iterators = append(iterators, iter.NewStreamIterator(kept))
			}
		}
	}
	sorted := iter.NewSortEntryIterator(iterators, params.Direction)
	return iter.NewTimeRangedIterator(sorted, params.Start, params.End), nil
}

func (all held) SelectSamples(_ context.Context, params logql.SelectSampleParams) (iter.SampleIterator, error) {
	expression, err := params.Expr()
	if err != nil {
		return nil, err
	}
	selector, err := params.LogSelector()
	if err != nil {
		return nil, err
	}
	extractors, err := expression.Extractors()
	if err != nil {
		return nil, err
	}
	series := map[string]*logproto.Series{}
	for _, one := range all.matching(selector.Matchers()) {
		for _, extractor := range extractors {
			of := extractor.ForStream(labels.FromMap(one.Labels))
			for _, entry := range one.Entries {
				metadata := labels.FromMap(entry.Metadata)
				samples, keep := of.Process(entry.Time.UnixNano(), []byte(entry.Line), metadata)
				if !keep {
					continue
				}
				for _, extracted := range samples {
					name := extracted.Labels.String()
					if series[name] == nil {
						series[name] = &logproto.Series{Labels: name, StreamHash: of.BaseLabels().Hash()}
					}
					series[name].Samples = append(series[name].Samples, logproto.Sample{
						Timestamp: entry.Time.UnixNano(), Value: extracted.Value, Hash: xxhash.Sum64String(entry.Line),
					})
				}
			}
		}
	}
	sorted := []logproto.Series{}
	for _, one := range series {
		sort.Sort(one)
		sorted = append(sorted, *one)
	}
	iterator := iter.NewMultiSeriesIterator(sorted)
	return iter.NewTimeRangedSampleIterator(iterator, params.Start.UnixNano(), params.End.UnixNano()+1), nil
}

func (all held) matching(matchers []*labels.Matcher) held {
	found := held{}
next:
	for _, one := range all {
		for _, matcher := range matchers {
			if !matcher.Matches(one.Labels[matcher.Name]) {
				continue next
			}
		}
		found = append(found, one)
	}
	return found
}
