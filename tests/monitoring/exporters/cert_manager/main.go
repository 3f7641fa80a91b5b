// Writes what cert-manager reports of certificates, by its own metrics package; the certificates are made up.
package main

import (
	"io"
	"net"
	"net/http/httptest"
	"os"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	listers "github.com/cert-manager/cert-manager/pkg/client/listers/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/metrics"
)

func certificate(name string, ready cmmeta.ConditionStatus) *cmapi.Certificate {
	at := func(seconds int64) *metav1.Time { return &metav1.Time{Time: time.Unix(seconds, 0)} }
	one := &cmapi.Certificate{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "business"}}
	one.Spec.IssuerRef = cmmeta.IssuerReference{Name: "platform", Kind: "ClusterIssuer", Group: "cert-manager.io"}
	one.Status.NotBefore, one.Status.NotAfter, one.Status.RenewalTime = at(1_690_000_000), at(1_700_000_000), at(1_697_000_000)
	one.Status.Conditions = []cmapi.CertificateCondition{{Type: cmapi.CertificateConditionReady, Status: ready}}
	return one
}

func main() {
	index := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for _, one := range []*cmapi.Certificate{
		certificate("brief-writer", cmmeta.ConditionTrue), certificate("desk-reply", cmmeta.ConditionFalse),
	} {
		if err := index.Add(one); err != nil {
			panic(err)
		}
	}
	found := metrics.New(logr.Discard(), clock.RealClock{})
	found.SetupCertificateCollector(listers.NewCertificateLister(index))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	answer := httptest.NewRecorder()
	found.NewServer(listener).Handler.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		panic(err)
	}
}
