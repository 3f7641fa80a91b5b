// Writes what the kubelet's /metrics says of the disk of an agent, by the kubelet's own collector; the pod is made up.
package main

import (
	"context"
	"os"

	"github.com/prometheus/common/expfmt"
	"k8s.io/component-base/metrics"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
	"k8s.io/kubernetes/pkg/kubelet/metrics/collectors"
	server "k8s.io/kubernetes/pkg/kubelet/server/stats"
)

// The collector asks for the statistics of pods, and for nothing else.
type node struct{ server.Provider }

func (node) ListPodStats(context.Context) ([]stats.PodStats, error) {
	amount := func(value uint64) *uint64 { return &value }
	disk := stats.VolumeStats{Name: "data", PVCRef: &stats.PVCReference{Namespace: "business", Name: "brief-writer"}}
	disk.CapacityBytes, disk.UsedBytes, disk.AvailableBytes = amount(10<<30), amount(4<<30), amount(6<<30)
	disk.Inodes, disk.InodesUsed, disk.InodesFree = amount(1000), amount(400), amount(600)
	return []stats.PodStats{{VolumeStats: []stats.VolumeStats{disk}}}, nil
}

func main() {
	registry := metrics.NewKubeRegistry()
	registry.CustomMustRegister(collectors.NewVolumeStatsCollector(node{}))
	families, err := registry.Gather()
	if err != nil {
		panic(err)
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(os.Stdout, family); err != nil {
			panic(err)
		}
	}
}
