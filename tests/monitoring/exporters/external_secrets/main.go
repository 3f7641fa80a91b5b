// Writes what external-secrets reports of its objects, by its own metrics packages; the objects are made up.
package main

import (
	"os"

	"github.com/prometheus/common/expfmt"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/external-secrets/external-secrets/pkg/controllers/externalsecret/esmetrics"
	ctrlmetrics "github.com/external-secrets/external-secrets/pkg/controllers/metrics"
	storemetrics "github.com/external-secrets/external-secrets/pkg/controllers/secretstore/metrics"
	"github.com/external-secrets/external-secrets/pkg/controllers/secretstore/ssmetrics"
)

const namespace = "business"

func main() {
	// As without the flag --enable-extended-metric-labels.
	ctrlmetrics.SetUpLabelNames(false)
	esmetrics.SetUpMetrics()
	ssmetrics.SetUpMetrics()
	for name, status := range map[string]corev1.ConditionStatus{
		"brief-writer": corev1.ConditionTrue, "desk-reply": corev1.ConditionFalse,
	} {
		secret := &esv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}}
		condition := &esv1.ExternalSecretStatusCondition{Type: esv1.ExternalSecretReady, Status: status}
		esmetrics.UpdateExternalSecretCondition(secret, condition, 1)
		named := ctrlmetrics.RefineNonConditionMetricLabels(map[string]string{"name": name, "namespace": namespace})
		esmetrics.GetCounterVec(esmetrics.SyncCallsKey).With(named).Add(3)
		esmetrics.GetGaugeVec(esmetrics.ExternalSecretReconcileDurationKey).With(named).Set(1e6)
		if status == corev1.ConditionFalse {
			esmetrics.GetCounterVec(esmetrics.SyncCallsErrorKey).With(named).Add(2)
		}
	}
	store := &esv1.SecretStore{ObjectMeta: metav1.ObjectMeta{Name: "secrets", Namespace: namespace}}
	ready := esv1.SecretStoreStatusCondition{Type: esv1.SecretStoreReady, Status: corev1.ConditionTrue}
	storemetrics.UpdateStatusCondition(store, ready, ssmetrics.GetGaugeVec)
	families, err := metrics.Registry.Gather()
	if err != nil {
		panic(err)
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(os.Stdout, family); err != nil {
			panic(err)
		}
	}
}
