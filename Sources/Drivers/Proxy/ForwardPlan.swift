internal import Entry
internal import Routing
internal import Upstreams

/// Everything an exchange needs to know to forward a request. An object, since it is handed from
/// one to the other and never copied.
final class ForwardPlan {
    /// What admission says of it.
    let order: ForwardOrder
    /// The newest of its name, once it was waited for.
    var group: BackendGroup

    init(_ order: ForwardOrder, group: BackendGroup) {
        self.order = order
        self.group = group
    }

    var route: ServedRoute { order.route }
    /// What of the request decides about the server.
    var wish: ServerWish { order.wish }
    var target: NormalisedTarget { order.target }
    /// What the configuration says of the request's fields.
    var fields: [ConfiguredField] { order.fields }
}
