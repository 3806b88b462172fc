package twinport

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/peer"
)

// operatorsOperations are those that concern the deployment, and so all of its
// accounts.
var operatorsOperations = map[string]operation{
	"CheckPeers":    bind((*Service).CheckPeers),
	"DescribePeers": bind((*Service).DescribePeers),
	"GrantPeer":     bind((*Service).GrantPeer),
	"InvitePeer":    bind((*Service).InvitePeer),
	"JoinPeer":      bind((*Service).JoinPeer),
	"RemovePeer":    bind((*Service).RemovePeer),
	"RotatePeerKey": bind((*Service).RotatePeerKey),
}

// isOperator says whether the caller may operate the deployment.
func (s *Service) isOperator(call Call) bool {
	return slices.Contains(s.Operators, call.Registry.Account) && call.Caller.IsRootOf(call.Registry.Account)
}

// operate does an operation for an operator. Others are refused whatever they
// ask, before it is read.
func (s *Service) operate(ctx context.Context, name string, do operation, call Call, body []byte) (any, error) {
	if !s.isOperator(call) {
		return nil, &awsjson.Exception{
			Code: awsjson.AccessDeniedException,
			Message: "User: " + call.Caller.Identity.Principal.ARN + " is not authorized to perform: twinport:" + name +
				": only the root of an account that operators lists in the configuration of the deployment is; who runs " +
				"its servers can add the account there, or run twinport peer",
			Status: http.StatusBadRequest,
		}
	}
	out, err := do(ctx, s, call, body)
	if e, ok := errors.AsType[*peer.Error](err); ok {
		return nil, peerException(e)
	}
	return out, err
}

// Codes that ECR does not have.
const (
	PeerConflictException    = "PeerConflictException"
	PeerNotFoundException    = "PeerNotFoundException"
	PeerUnavailableException = "PeerUnavailableException"
)

// peerExceptions maps the codes of package peer. The others say why another
// deployment has not done what it was asked.
var peerExceptions = map[string]string{
	peer.InvalidRequest: awsjson.InvalidParameterException, peer.CodeInvalid: awsjson.InvalidParameterException,
	peer.CodeUsed: awsjson.InvalidParameterException, peer.CodeExpired: awsjson.InvalidParameterException,
	peer.NotAPeer:      PeerNotFoundException,
	peer.Configuration: PeerConflictException, peer.NameConflict: PeerConflictException,
	peer.RegistryConflict: PeerConflictException, peer.SameIdentity: PeerConflictException,
	peer.Full: ecr.LimitExceededException,
}

// peerException has status 400, whatever the code: SDKs would try others again.
func peerException(e *peer.Error) *awsjson.Exception {
	code, ok := peerExceptions[e.Code]
	if !ok {
		code = PeerUnavailableException
	}
	return &awsjson.Exception{
		Code: code, Message: e.Message, Status: http.StatusBadRequest, Members: map[string]any{"failureCode": e.Code},
	}
}
