//! The contract's words for settings: `bought.refund-asked`, `saw.viewed`, `met.added`, as they stand in `wants`.

use crate::events::{Bond, Look, OrderStep, ReceiptStep};

/// What was done with a content: `viewed`. None: there is no such word.
pub fn look(name: &str) -> Option<Look> {
    Some(match name {
        "viewed" => Look::Viewed,
        "clicked" => Look::Clicked,
        "liked" => Look::Liked,
        "commented" => Look::Commented,
        "shared" => Look::Shared,
        "favoured" => Look::Favoured,
        _ => return None,
    })
}

/// A step of an order: `refund-asked`. None: there is no such word.
pub fn order_step(name: &str) -> Option<OrderStep> {
    Some(match name {
        "placed" => OrderStep::Placed,
        "paid" => OrderStep::Paid,
        "shipped" => OrderStep::Shipped,
        "received" => OrderStep::Received,
        "completed" => OrderStep::Completed,
        "cancelled" => OrderStep::Cancelled,
        "refund-asked" => OrderStep::RefundAsked,
        "part-refunded" => OrderStep::PartRefunded,
        "refunded" => OrderStep::Refunded,
        _ => return None,
    })
}

/// A change in the tie to staff: `removed-by-customer`. None: there is no such word.
pub fn bond(name: &str) -> Option<Bond> {
    Some(match name {
        "added" => Bond::Added,
        "half-added" => Bond::HalfAdded,
        "removed-by-customer" => Bond::RemovedByCustomer,
        "removed-by-staff" => Bond::RemovedByStaff,
        "transferred" => Bond::Transferred,
        "edited" => Bond::Edited,
        _ => return None,
    })
}

/// How far an errand has come, or what the customer made of it: `read`. None: there is no such word.
pub fn receipt_step(name: &str) -> Option<ReceiptStep> {
    Some(match name {
        "sent" => ReceiptStep::Sent,
        "confirmed" => ReceiptStep::Confirmed,
        "failed" => ReceiptStep::Failed,
        "expired" => ReceiptStep::Expired,
        "read" => ReceiptStep::Read,
        "clicked" => ReceiptStep::Clicked,
        "replied" => ReceiptStep::Replied,
        "bought" => ReceiptStep::Bought,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_contract_and_no_others() {
        assert_eq!(order_step("part-refunded"), Some(OrderStep::PartRefunded));
        assert_eq!(look("favoured"), Some(Look::Favoured));
        assert_eq!(bond("half-added"), Some(Bond::HalfAdded));
        assert_eq!(receipt_step("replied"), Some(ReceiptStep::Replied));
        for unknown in ["", "Paid", "refund_asked", "paid "] {
            assert_eq!((order_step(unknown), look(unknown), bond(unknown)), (None, None, None), "{unknown}");
            assert_eq!(receipt_step(unknown), None, "{unknown}");
        }
    }
}
