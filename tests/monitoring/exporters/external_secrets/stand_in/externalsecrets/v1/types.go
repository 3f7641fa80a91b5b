// Package v1 stands in for external-secrets' own, whose module is not published apart: as much as its metrics read.
package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConditionType is a kind of condition.
type ConditionType string

// The conditions that the objects have.
const (
	ExternalSecretReady   ConditionType = "Ready"
	ExternalSecretDeleted ConditionType = "Deleted"
	SecretStoreReady      ConditionType = "Ready"
)

// ExternalSecret has a name.
type ExternalSecret struct{ metav1.ObjectMeta }

// GenericStore has a name.
type GenericStore interface {
	GetName() string
	GetNamespace() string
	GetLabels() map[string]string
}

// ExternalSecretStatusCondition is one condition of an ExternalSecret.
type ExternalSecretStatusCondition struct {
	Type   ConditionType
	Status corev1.ConditionStatus
}

// SecretStoreStatusCondition is one condition of a store.
type SecretStoreStatusCondition struct {
	Type   ConditionType
	Status corev1.ConditionStatus
}

// SecretStore has a name.
type SecretStore struct{ metav1.ObjectMeta }
