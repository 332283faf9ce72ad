package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// refused says whether an authority was asked and said no, rather than not
// reached.
func refused(err error) bool {
	p, ok := errors.AsType[acme.Problem](err)
	return ok && p.Status < 500
}

// explain says in plain words what went wrong, and what to do about it.
func explain(name string, err error) string {
	var left *leftAloneError
	if errors.As(err, &left) && left.err == nil {
		return left.Error()
	}
	if p, ok := errors.AsType[acme.Problem](err); ok {
		text := explainProblem(name, p)
		if left != nil {
			text += "; it is asked again at " + left.until.UTC().Format(time.RFC3339)
		}
		return text
	}
	return explainLocal(err)
}

func explainProblem(name string, p acme.Problem) string {
	detail := fmt.Sprintf(" (%s)", p.Detail)
	switch p.Type {
	case acme.ProblemTypeDNS:
		return fmt.Sprintf("the authority does not find %s in the DNS: give it an A or AAAA record with this gateway's address%s", name, detail)
	case acme.ProblemTypeConnection, acme.ProblemTypeTLS:
		return fmt.Sprintf("the authority cannot reach this gateway as %s: its DNS records must point here, and ports 80 and 443 must be open to everybody%s", name, detail)
	case acme.ProblemTypeUnauthorized, acme.ProblemTypeIncorrectResponse:
		return fmt.Sprintf("%s does not lead to this gateway: somebody else answered the authority, or nobody; check where its A and AAAA records point, and what stands in front%s", name, detail)
	case acme.ProblemTypeMalformed:
		return fmt.Sprintf("the authority could not check %s, whose name may lead nowhere: its A and AAAA records must point to this gateway%s", name, detail)
	case acme.ProblemTypeRateLimited:
		return "the authority has given, or refused, too many certificates lately" + detail
	case acme.ProblemTypeExternalAccountRequired:
		return "the authority wants an account that it knows: set acme-eab" + detail
	case acme.ProblemTypeCAA:
		return fmt.Sprintf("a CAA record of %s does not allow this authority%s", name, detail)
	case acme.ProblemTypeRejectedIdentifier, acme.ProblemTypeUnsupportedIdentifier:
		return fmt.Sprintf("the authority gives no certificates for %s%s", name, detail)
	case acme.ProblemTypeNamespace + "invalidProfile":
		return "the authority does not know the profile that acme-profile names" + detail
	default:
		return "the authority refused: " + p.Detail
	}
}

func explainLocal(err error) string {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var ask *url.Error
	var network net.Error
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the authority's own certificate is not valid by this machine's clock, which says %s: is that right? (%v)",
			time.Now().UTC().Format(time.RFC3339), err)
	case errors.As(err, &unknown):
		return fmt.Sprintf("the authority's own certificate is not trusted here: set acme-roots to who signed it (%v)", err)
	// certmagic tells of it in text only.
	case errors.Is(err, syscall.ENOSPC), strings.Contains(err.Error(), syscall.ENOSPC.Error()):
		return "the disk with the certificate storage is full; nothing is ordered that could not be kept"
	case strings.Contains(err.Error(), "unknown profile name"):
		return fmt.Sprintf("the authority does not know the profile that acme-profile names (%v)", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("it took longer than %v, or another gateway was at it that long (%v)", attemptTimeout, err)
	case errors.As(err, &ask), errors.As(err, &network):
		return fmt.Sprintf("the authority cannot be reached (%v)", err)
	default:
		return err.Error()
	}
}
