// Answers, by Cilium's own policy code, which flows a set of policies lets through.
//
// Standard input: {"peers": [{"name", "namespace", "namespace_labels", "labels", "address", "hosts"}], "policies":
// [manifest…], "cells": [{"source", "target", "protocol", "port"}]}; a peer without a namespace is an address, which DNS
// gave for `hosts`. Standard output: for each cell whether it is open. An object that Cilium refuses ends it with 1.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	"github.com/cilium/cilium/pkg/k8s"
	ciliumv2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	networkingv1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
	testidentity "github.com/cilium/cilium/pkg/testutils/identity"
	testpolicy "github.com/cilium/cilium/pkg/testutils/policy"
	"github.com/cilium/cilium/pkg/u8proto"
)

const cluster = "default"

type peer struct {
	Name            string            `json:"name"`
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespace_labels"`
	Labels          map[string]string `json:"labels"`
	Address         string            `json:"address"`
	Hosts           []string          `json:"hosts"`
}

type cell struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	Protocol string `json:"protocol"`
	Port     uint16 `json:"port"`
}

type question struct {
	Peers    []peer            `json:"peers"`
	Policies []json.RawMessage `json:"policies"`
	Cells    []cell            `json:"cells"`
}

func main() {
	answers, err := ask(os.Stdin)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func ask(from io.Reader) ([]bool, error) {
	var asked question
	if err := json.NewDecoder(from).Decode(&asked); err != nil {
		return nil, err
	}
	logger := slog.New(slog.DiscardHandler)
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	identities, arrays := map[string]*identity.Identity{}, identity.IdentityMap{}
	for index, one := range asked.Peers {
		known, err := identify(index, one)
		if err != nil {
			return nil, err
		}
		identities[one.Name], arrays[known.ID] = known, known.LabelArray
	}
	manager := identitymanager.NewIDManager(logger)
	repository := policy.NewPolicyRepository(logger, arrays, nil, nil, manager, testpolicy.NewPolicyMetricsNoop())
	repository.GetSelectorCache().SetLocalIdentityNotifier(testidentity.NewDummyIdentityNotifier())
	manager.Subscribe(testpolicy.SelectorCacheObserver{Cache: repository.GetSubjectSelectorCache()})
	for _, raw := range asked.Policies {
		if err := add(logger, repository, raw); err != nil {
			return nil, fmt.Errorf("%s: %w", raw, err)
		}
	}
	answers := make([]bool, len(asked.Cells))
	for index, one := range asked.Cells {
		protocol, err := u8proto.ParseProtocol(strings.ToLower(one.Protocol))
		if err != nil {
			return nil, err
		}
		flow := types.Flow{From: identities[one.Source], To: identities[one.Target], Proto: protocol, Dport: one.Port}
		verdict, _, _, err := policy.LookupFlow(logger, repository, manager, flow)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", one, err)
		}
		answers[index] = verdict.Allowed()
	}
	return answers, nil
}

func identify(index int, one peer) (*identity.Identity, error) {
	if one.Namespace == "" {
		address, err := netip.ParseAddr(one.Address)
		if err != nil {
			return nil, err
		}
		known := labels.GetCIDRLabels(netip.PrefixFrom(address, address.BitLen()))
		for _, host := range one.Hosts {
			label := (&api.FQDNSelector{MatchName: host}).IdentityLabel()
			known[label.Key] = label
		}
		return identity.NewIdentity(identity.IdentityScopeLocal+identity.NumericIdentity(index+1), known), nil
	}
	known := labels.LabelArray{
		labels.NewLabel("io.kubernetes.pod.namespace", one.Namespace, labels.LabelSourceK8s),
		labels.NewLabel("io.cilium.k8s.policy.cluster", cluster, labels.LabelSourceK8s),
	}
	for key, value := range one.NamespaceLabels {
		known = append(known, labels.NewLabel("io.cilium.k8s.namespace.labels."+key, value, labels.LabelSourceK8s))
	}
	for key, value := range one.Labels {
		known = append(known, labels.NewLabel(key, value, labels.LabelSourceK8s))
	}
	return identity.NewIdentityFromLabelArray(identity.NumericIdentity(1000+index), known.Sort()), nil
}

func add(logger *slog.Logger, repository *policy.Repository, raw json.RawMessage) error {
	var kind struct{ Kind string }
	if err := json.Unmarshal(raw, &kind); err != nil {
		return err
	}
	if kind.Kind == "NetworkPolicy" {
		var plain networkingv1.NetworkPolicy
		if err := json.Unmarshal(raw, &plain); err != nil {
			return err
		}
		entries, err := k8s.ParseNetworkPolicy(logger, cluster, &plain)
		if err != nil {
			return err
		}
		repository.MustAddPolicyEntries(entries)
		return nil
	}
	var own ciliumv2.CiliumNetworkPolicy
	if err := json.Unmarshal(raw, &own); err != nil {
		return err
	}
	rules, err := own.Parse(logger, cluster)
	if err != nil {
		return err
	}
	repository.MustAddList(rules)
	return nil
}
