//! The memory of a tensor, to be filled before there is a tensor: what is written there need not be copied.

use std::slice;

use tch::Tensor;

use crate::shim::{Error, extra_empty_images, made};

/// Room for images, float32 on the CPU, all zeros at first.
#[derive(Debug)]
pub struct Room {
    tensor: Tensor,
}

/// In which order the numbers lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `[N, C, H, W]`
    ChannelsFirst,
    /// `[N, H, W, C]`
    ChannelsLast,
}

/// Whom the memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// For this processor.
    Computing,
    /// For a GPU, which fetches it by itself from pages that stay where they are.
    Sending,
}

impl Room {
    /// Memory for a batch `[N, C, H, W]`.
    ///
    /// # Errors
    /// When memory runs out, or there is no GPU to send to.
    pub fn new(shape: [i64; 4], order: Order, purpose: Purpose) -> Result<Self, Error> {
        let (last, pinned) = (order == Order::ChannelsLast, purpose == Purpose::Sending);
        // SAFETY: the function reads the four extents and stores a new tensor of ours.
        let tensor = made(|out| unsafe { extra_empty_images(shape.as_ptr(), last, pinned, out) })?;
        // SAFETY: the tensor is dense float32 on the CPU and nobody else's, so these are its numbers, and zeros are floats.
        // libtorch's own way would start a team of threads in each thread that calls this.
        unsafe { tensor.data_ptr().cast::<f32>().write_bytes(0, tensor.numel()) };
        Ok(Self { tensor })
    }

    /// The images, `[N, C, H, W]` whatever the order.
    pub fn into_tensor(self) -> Tensor {
        self.tensor
    }
}

impl AsMut<[f32]> for Room {
    /// The numbers in their order.
    fn as_mut(&mut self) -> &mut [f32] {
        match self.tensor.numel() {
            0 => &mut [],
            // SAFETY: the tensor is dense float32 on the CPU, all of it was written, and as long as it is here it has no
            // second handle: nobody else reads or writes it while `self` is borrowed.
            numbers => unsafe { slice::from_raw_parts_mut(self.tensor.data_ptr().cast(), numbers) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::is_channels_last;

    #[test]
    fn what_is_written_is_what_the_tensor_holds_without_a_copy() {
        for order in [Order::ChannelsFirst, Order::ChannelsLast] {
            let mut room = Room::new([2, 3, 4, 5], order, Purpose::Computing).unwrap();
            let numbers = room.as_mut();
            assert_eq!(numbers, [0.0; 120]);
            // Image 1, channel 2, row 3, column 4 is the last one in both orders; channel 1 of its pixel is not.
            let at = match order {
                Order::ChannelsFirst => ((3 + 1) * 4 + 3) * 5 + 4,
                Order::ChannelsLast => ((4 + 3) * 5 + 4) * 3 + 1,
            };
            (numbers[119], numbers[at]) = (9.0, 8.0);
            let written = numbers.as_ptr();
            let tensor = room.into_tensor();
            assert_eq!(tensor.data_ptr().cast_const().cast(), written);
            assert_eq!(tensor.size(), [2, 3, 4, 5]);
            assert_eq!((tensor.double_value(&[1, 2, 3, 4]), tensor.double_value(&[1, 1, 3, 4])), (9.0, 8.0));
            assert_eq!(is_channels_last(&tensor), order == Order::ChannelsLast);
        }
    }

    #[test]
    fn room_for_nothing_is_empty() {
        let mut room = Room::new([0, 3, 4, 5], Order::ChannelsLast, Purpose::Computing).unwrap();
        assert!(room.as_mut().is_empty());
        assert_eq!(room.into_tensor().size(), [0, 3, 4, 5]);
    }
}
