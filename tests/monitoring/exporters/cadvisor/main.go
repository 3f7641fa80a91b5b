// Writes what the kubelet's /metrics/cadvisor says of an agent's pod, by cAdvisor's own collector.
//
// The pod is made up; the collector and its metrics are real. Labels and chosen metrics are the kubelet's own
// (k8s.io/kubernetes v1.36.3, pkg/kubelet/server/server.go, containerPrometheusLabelsFunc and includedMetrics).
package main

import (
	"os"
	"time"

	"github.com/google/cadvisor/container"
	info "github.com/google/cadvisor/info/v1"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	kubelet "k8s.io/kubelet/pkg/types"
	"k8s.io/utils/clock"
)

const (
	namespace = "business"
	pod       = "brief-writer-6d4b75cb6d-8xk2p"
	cgroup    = "/kubepods/burstable/pod0a1b"
	interval  = 100_000
)

type node struct{}

func (node) GetRequestedContainersInfo(string, v2.RequestOptions) (map[string]*info.ContainerInfo, error) {
	found := map[string]*info.ContainerInfo{}
	for _, one := range []*info.ContainerInfo{
		// The pod's own group of processes; the kubelet finds the pod's name by it.
		described(cgroup, "", "", ""),
		// The container that holds the network; containerd gives it no container name.
		described(cgroup+"/0000", "0000", "registry.example.com/pause:3.10", ""),
		described(cgroup+"/1111", "1111", "registry.example.com/roster/fastapi", "agent"),
	} {
		found[one.Name] = one
	}
	return found, nil
}

func (node) GetVersionInfo() (*info.VersionInfo, error) { return &info.VersionInfo{}, nil }

func (node) GetMachineInfo() (*info.MachineInfo, error) { return &info.MachineInfo{NumCores: 4}, nil }

func described(name, alias, image, containerName string) *info.ContainerInfo {
	one := &info.ContainerInfo{ContainerReference: info.ContainerReference{Name: name}}
	if alias != "" {
		one.Aliases = []string{alias}
		one.Spec.Labels = map[string]string{kubelet.KubernetesPodNameLabel: pod, kubelet.KubernetesPodNamespaceLabel: namespace}
	}
	if containerName != "" {
		one.Spec.Labels[kubelet.KubernetesContainerNameLabel] = containerName
	}
	one.Spec.Image = image
	one.Spec.HasCpu, one.Spec.HasMemory, one.Spec.HasProcesses = true, true, true
	one.Spec.Memory.Limit = 512 << 20
	// A pause container has no limit of its own, and alone the network.
	if image != "" && containerName == "" {
		one.Spec.HasNetwork = true
	} else {
		one.Spec.Cpu = info.CpuSpec{Limit: 512, Quota: interval / 2, Period: interval}
	}
	one.Spec.HasFilesystem = containerName != ""
	one.Spec.HasDiskIo = true
	one.Spec.CreationTime = time.Unix(1_700_000_000, 0)
	one.Stats = []*info.ContainerStats{stats(one.Spec)}
	return one
}

func stats(spec info.ContainerSpec) *info.ContainerStats {
	found := &info.ContainerStats{Timestamp: time.Unix(1_700_000_060, 0)}
	found.Cpu.Usage = info.CpuUsage{Total: 6e9, User: 5e9, System: 1e9}
	found.Cpu.CFS = info.CpuCFS{Periods: 600, ThrottledPeriods: 30, ThrottledTime: 1e9}
	found.Memory = info.MemoryStats{Usage: 200 << 20, WorkingSet: 180 << 20, RSS: 150 << 20, Cache: 30 << 20}
	found.Processes = info.ProcessStats{ProcessCount: 1, ThreadsCurrent: 8, FdCount: 20}
	if spec.HasNetwork {
		found.Network.Interfaces = []info.InterfaceStats{{Name: "eth0", RxBytes: 1000, TxBytes: 500}}
	}
	if spec.HasFilesystem {
		bytes := info.PerDiskStats{Device: "/dev/sda1", Stats: map[string]uint64{"Read": 4096, "Write": 8192}}
		found.DiskIo.IoServiceBytes = []info.PerDiskStats{bytes}
		found.Filesystem = []info.FsStats{{Device: "/dev/sda1", Limit: 1 << 40, Usage: 1 << 20}}
	}
	return found
}

func labels(one *info.ContainerInfo) map[string]string {
	found := map[string]string{
		metrics.LabelID:    one.Name,
		metrics.LabelName:  "",
		metrics.LabelImage: one.Spec.Image,
		"pod":              one.Spec.Labels[kubelet.KubernetesPodNameLabel],
		"namespace":        one.Spec.Labels[kubelet.KubernetesPodNamespaceLabel],
		"container":        one.Spec.Labels[kubelet.KubernetesContainerNameLabel],
	}
	if len(one.Aliases) > 0 {
		found[metrics.LabelName] = one.Aliases[0]
	}
	if found["pod"] == "" && one.Name == cgroup {
		found["pod"], found["namespace"] = pod, namespace
	}
	return found
}

func main() {
	chosen := container.MetricSet{}
	for _, kind := range []container.MetricKind{
		container.CpuUsageMetrics, container.MemoryUsageMetrics, container.CpuLoadMetrics, container.DiskIOMetrics,
		container.DiskUsageMetrics, container.NetworkUsageMetrics, container.AppMetrics, container.ProcessMetrics,
		container.OOMMetrics, container.PressureMetrics,
	} {
		chosen[kind] = struct{}{}
	}
	registry := prometheus.NewRegistry()
	options := v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}
	registry.MustRegister(metrics.NewPrometheusCollector(node{}, labels, chosen, clock.RealClock{}, options))
	registry.MustRegister(metrics.NewPrometheusMachineCollector(node{}, chosen))
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
