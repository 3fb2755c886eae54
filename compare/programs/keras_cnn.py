"""The tutorial CNN as a user of Keras writes it: what examples/fit.cpp is for Weft."""
import keras
from keras import layers

keras.utils.set_random_seed(0)
(train_x, train_y), (test_x, test_y) = keras.datasets.cifar10.load_data()
train_x, test_x = train_x / 255.0, test_x / 255.0
model = keras.Sequential([
    keras.Input((32, 32, 3)),
    layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(64, 3, activation="relu"), layers.Flatten(),
    layers.Dense(64, activation="relu"), layers.Dense(10),
])
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              metrics=["accuracy"])
history = model.fit(train_x, train_y, batch_size=32, epochs=10, validation_data=(test_x, test_y))
print("test accuracy", model.evaluate(test_x, test_y)[1])
model.save_weights("tutorial-cnn.weights.h5")
